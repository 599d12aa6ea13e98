/** The addresses the first terminals know. They see the default application's stable channel, and know no licence. */
import { hasCode, UpdaterError } from '@remendo/core';
import { OldCheckAnswer } from '@remendo/core/protocol';
import { Type } from 'typebox';
import { oldCheckAnswer } from '../plans/check-for-update.js';
import { requireAccess, requireBuild, requireOffered } from '../releases/release-access.js';
import type { App, AppPorts } from './app-ports.js';
import { objectAnswers } from './send-object.js';
import { sendZip } from './update-routes.js';

export function oldTerminalRoutes(app: App, ports: AppPorts): void {
  if (ports.config.oldApi === 'off') return;

  const findDefault = async () => {
    const view = await ports.catalogue.view();
    const found = view.application(undefined);
    // Its terminals can not sign in; whoever runs the server may have decided to serve them all the same.
    const application = ports.config.oldApiLicensed === 'on' ? { ...found, access: 'public' as const } : found;
    return { view, application, platform: view.platform(application, undefined) };
  };

  const check = {
    tags: ['first terminals'],
    summary: 'Is there something new? As the first terminals ask',
    querystring: Type.Object({ version: Type.Optional(Type.String({ maxLength: 64 })) }),
    response: { 200: OldCheckAnswer },
  };
  app.get('/check_update', { schema: check, config: { countedAs: 'check' } }, async (request, reply) => {
    reply.header('cache-control', 'private, no-cache');
    try {
      const { view, application, platform } = await findDefault();
      requireAccess(request.principal, application, ports.config.licenseGraceDays);
      return oldCheckAnswer(view.newestPublished(application, platform, 'stable'), request.query.version);
    } catch (error) {
      // Nothing has been published yet: that is no mistake of the terminal's.
      if (hasCode(error, 'APPLICATION_NOT_FOUND')) return oldCheckAnswer(null, request.query.version);
      throw error;
    }
  });

  app.route({
    method: ['GET', 'HEAD'],
    url: '/download/:file',
    config: { countedAs: 'zip' },
    schema: {
      tags: ['first terminals'],
      summary: 'The full zip of a release, as v1.0.1.zip',
      params: Type.Object({ file: Type.String({ maxLength: 128 }) }),
      response: objectAnswers('application/zip'),
    },
    handler: async (request, reply) => {
      const version = /^v?(\d.*)\.zip$/i.exec(request.params.file)?.[1];
      if (version === undefined) throw new UpdaterError('RELEASE_NOT_FOUND', 'releases are called v1.0.1.zip');
      const { view, application, platform } = await findDefault();
      const licensed = requireAccess(request.principal, application, ports.config.licenseGraceDays);
      const build = requireBuild(view, request.principal, { application, platform, version });
      requireOffered(build, request.principal, licensed);
      return sendZip(ports, { request, reply }, build);
    },
  });
}
