/** What is stored: what nothing needs any more, and removing it. */
import { UpdaterError } from '@remendo/core';
import { CollectAnswer, CollectRequest, GarbageList, type GarbageObject } from '@remendo/core/protocol';
import { Type } from 'typebox';
import { requireOperator } from '../accounts/principal.js';
import { actorOf } from '../audit/record-audit.js';
import { collectGarbage, graceMs } from '../releases/collect-garbage.js';
import { findGarbage, type Garbage, sumGarbage } from '../releases/find-garbage.js';
import type { App, AppPorts } from './app-ports.js';
import { cutPage, pageOf, pageQuery } from './paging.js';

const tags = ['storage'];

export function storageRoutes(app: App, { database, changes, objects }: AppPorts): void {
  const { db } = database;
  const list = {
    tags,
    summary: 'Objects that nothing needs any more, and why',
    querystring: Type.Object(pageQuery),
    response: { 200: GarbageList },
  };
  app.get('/api/v1/storage/garbage', { schema: list }, async (request) => {
    requireOperator(request, 'viewer');
    const { limit, after } = pageOf(request.query);
    if (after !== null && !/^[0-9a-f]{64}$/.test(after)) {
      throw new UpdaterError('REQUEST_INVALID', 'query/after is no cursor of this list');
    }
    const now = new Date();
    const garbage = await findGarbage(db, now, { after, limit: limit + 1 });
    const { page, next } = cutPage(garbage, limit, ({ digest }) => digest);
    const total = await sumGarbage(db, now);
    return { objects: page.map(garbageAnswer), next, total_objects: total.objects, total_bytes: total.bytes };
  });
  const collect = {
    tags,
    summary: 'Dooms what nothing needs, and removes what was doomed an hour ago or earlier',
    body: CollectRequest,
    response: { 200: CollectAnswer },
  };
  app.post('/api/v1/storage/garbage/collect', { schema: collect }, async (request) => {
    requireOperator(request, 'admin');
    const { dry_run: dryRun = false, reason } = request.body;
    const options = { now: new Date(), actor: actorOf(request), reason, dryRun };
    const collected = await collectGarbage({ db, changes, objects }, options);
    return {
      dry_run: dryRun,
      doomed_objects: collected.doomedObjects,
      doomed_bytes: collected.doomedBytes,
      removed_objects: collected.removedObjects,
      removed_bytes: collected.removedBytes,
    };
  });
}

const garbageAnswer = ({ stored_at, last_used_at, doomed_at, ...object }: Garbage): GarbageObject => ({
  ...object,
  stored_at: stored_at.toISOString(),
  last_used_at: last_used_at?.toISOString() ?? null,
  doomed_at: doomed_at?.toISOString() ?? null,
  removable_at: doomed_at === null ? null : new Date(doomed_at.getTime() + graceMs).toISOString(),
});
