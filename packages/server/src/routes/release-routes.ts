import { UpdaterError } from '@remendo/core';
import { ReleaseList, ReleaseSummary } from '@remendo/core/protocol';
import { Type } from 'typebox';
import { findApplication, findPlatform, listBuilds, requireBuild } from '../releases/release-records.js';
import { summarizeReleases } from '../releases/summarize-releases.js';
import type { App, AppPorts } from './app-ports.js';
import { AskedHeaders, AskedQuery, askedOf, version } from './request-shapes.js';

/** What is published, and how far the deltas to it are. */
export function releaseRoutes(app: App, ports: AppPorts): void {
  const asked = { querystring: AskedQuery, headers: AskedHeaders };
  app.get('/api/v1/releases', { schema: { ...asked, response: { 200: ReleaseList } } }, async (request, reply) => {
    const { db } = ports.database;
    const { application: slug, platform } = askedOf(request);
    const application = await findApplication(db, slug, ports.config.defaultApplication);
    reply.header('cache-control', 'private, no-cache');
    return { releases: await summarizeReleases(db, await listBuilds(db, application.id, platform)) };
  });
  const one = { ...asked, params: Type.Object({ version }), response: { 200: ReleaseSummary } };
  app.get('/api/v1/releases/:version', { schema: one }, async (request, reply) => {
    const { db } = ports.database;
    const { application: slug, platform: named } = askedOf(request);
    const application = await findApplication(db, slug, ports.config.defaultApplication);
    const platform = await findPlatform(db, application.id, named);
    const build = await requireBuild(db, { application, platform, version: request.params.version });
    const [summary] = await summarizeReleases(db, [build]);
    reply.header('cache-control', 'private, no-cache');
    if (summary === undefined) throw new UpdaterError('SERVER_FAILED', 'a build without a summary');
    return summary;
  });
}
