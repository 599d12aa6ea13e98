/** The addresses the first terminals know. They see the default application's stable channel. */
import { hasCode, UpdaterError } from '@remendo/core';
import { OldCheckAnswer } from '@remendo/core/protocol';
import { Type } from 'typebox';
import { oldCheckAnswer } from '../plans/check-for-update.js';
import { findApplication, findOffered, findPlatform, requireBuild } from '../releases/release-records.js';
import type { App, AppPorts } from './app-ports.js';
import { sendZip } from './update-routes.js';

export function oldTerminalRoutes(app: App, ports: AppPorts): void {
  if (ports.config.oldApi === 'off') return;
  const { db } = ports.database;

  const findDefault = async () => {
    const application = await findApplication(db, undefined, ports.config.defaultApplication);
    return { application, platform: await findPlatform(db, application.id, undefined) };
  };

  const check = {
    querystring: Type.Object({ version: Type.Optional(Type.String({ maxLength: 64 })) }),
    response: { 200: OldCheckAnswer },
  };
  app.get('/check_update', { schema: check }, async (request, reply) => {
    reply.header('cache-control', 'private, no-cache');
    try {
      const { application, platform } = await findDefault();
      const offered = await findOffered(db, { applicationId: application.id, platform, channel: 'stable' });
      return oldCheckAnswer(offered, request.query.version);
    } catch (error) {
      // Nothing has been published yet: that is no mistake of the terminal's.
      if (hasCode(error, 'APPLICATION_NOT_FOUND')) return oldCheckAnswer(null, request.query.version);
      throw error;
    }
  });

  app.route({
    method: ['GET', 'HEAD'],
    url: '/download/:file',
    schema: { params: Type.Object({ file: Type.String({ maxLength: 128 }) }) },
    handler: async (request, reply) => {
      const version = /^v?(\d.*)\.zip$/i.exec(request.params.file)?.[1];
      if (version === undefined) throw new UpdaterError('RELEASE_NOT_FOUND', 'releases are called v1.0.1.zip');
      const build = await requireBuild(db, { ...(await findDefault()), version });
      return sendZip(ports, { request, reply }, build);
    },
  });
}
