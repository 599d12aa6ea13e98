import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Db } from '../database/open-database.js';
import {
  addTestCustomer,
  configWith,
  log,
  type NotifyingServer,
  notifyingServer,
} from '../notifications/notifications.test.support.js';
import { Notifier } from '../notifications/notifier.js';
import { openTestDatabase, type TestDatabase, testDatabases } from '../testing/test-database.js';
import { watchFleet } from './watch-fleet.js';

const digest = 'a'.repeat(64);

describe.each(testDatabases)('the watch of the fleet on the %s database', (kind) => {
  let test: TestDatabase;
  let db: Db;
  let server: NotifyingServer;

  beforeAll(async () => {
    test = await openTestDatabase(kind);
    db = test.database.db;
    server = await notifyingServer(test.database, configWith({}));
  });
  afterAll(async () => {
    await server.stop();
    await test.remove();
  });
  // One moment for all of it: the day may end while the test runs.
  const now = new Date();
  const watch = (notifier = server.notifier): Promise<void> => watchFleet({ db, notifier, silentHours: 72, log }, now);
  const told = async (): Promise<readonly string[]> =>
    (await db.selectFrom('notification').select('subject').orderBy('id').execute()).map(({ subject }) => subject);

  async function addBuild(application_id: number, version: string): Promise<number> {
    const texts = { title: '', description: '', changelog: '', breaking_changes: '', display_version: null, requirements: '{}' };
    const marks = { requires_backup: true, requires_downtime: false, rollback_compatible: true, mandatory: false };
    const release = {
      application_id,
      version,
      type: 'stable' as const,
      state: 'published' as const,
      released_at: null,
      ...texts,
      ...marks,
    };
    const { id: release_id } = await db.insertInto('release').values(release).returning('id').executeTakeFirstOrThrow();
    const files = { manifest_digest: digest, manifest_object: digest, zip_object: digest, files: 1, installed_bytes: 1 };
    const build = { release_id, platform: 'any', ...files };
    return (await db.insertInto('build').values(build).returning('id').executeTakeFirstOrThrow()).id;
  }

  it('tells of deltas that can not be built, once, and the rest when one notification fails', async () => {
    await db.insertInto('object').values({ digest, bytes: 1, kind: 'zip' }).execute();
    const application = { slug: 'erp', name: 'erp', version_form: 'semver' as const };
    const { id } = await db.insertInto('application').values(application).returning('id').executeTakeFirstOrThrow();
    const [base_build_id, target_build_id] = [await addBuild(id, '1.0.0'), await addBuild(id, '1.1.0')];
    const delta = { base_build_id, target_build_id, state: 'rejected' as const, detail: 'out of memory' };
    const nothing = { index_object: null, pack_object: null, build_ms: null };
    await db
      .insertInto('delta')
      .values({ ...delta, ...nothing })
      .execute();
    await addTestCustomer(db, { expires_on: now.toISOString().slice(0, 10) });

    const deaf = new Notifier({ queue: server.delivering.queue, config: configWith({}) });
    deaf.notify = async (tx, notification) => {
      if (notification.kind === 'license_expiring') throw new Error('this can not be told');
      return server.notifier.notify(tx, notification);
    };
    await watch(deaf);
    const rejected = 'erp 1.1.0: the delta from 1.0.0 could not be built';
    expect(await told()).toEqual([rejected]);
    await watch();
    await watch();
    expect(await told()).toEqual([rejected, expect.stringMatching(/^Your licence ends on/)]);
  });
});
