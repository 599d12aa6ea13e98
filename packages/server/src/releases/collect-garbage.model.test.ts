/**
 * Random histories of publishing, building, refining, evicting, withdrawing and planning, with collections in between,
 * against a model that only remembers what was handed out: nothing of it may be missing for a month, nothing that a
 * published release needs may ever be, and in the end nothing else is left.
 */
import { randomBytes } from 'node:crypto';
import { codecNames, contentsOf, type Derivation, type Digest, digestOf } from '@remendo/core';
import { chooseKnown } from '@remendo/core/publish';
import { seededRandom } from '@remendo/core/testing';
import { sql } from 'kysely';
import { afterAll, expect, it } from 'vitest';
import { serverActor } from '../audit/record-audit.js';
import { recordDelta } from '../jobs/record-delta.js';
import { keepDeltaBudget } from '../jobs/release-pack.js';
import { loadPatchesFor } from '../plans/known-derivations.js';
import { PlanService } from '../plans/plan-service.js';
import { ageStorage } from '../testing/age-storage.test.support.js';
import { admin, ask } from '../testing/test-accounts.js';
import { publishOk, startTestServer, type TestServer } from '../testing/test-server.js';
import { collectGarbage } from './collect-garbage.js';
import { recordObjectUse } from './object-use.js';
import type { BuildRecord } from './release-records.js';

const runSeed = Number(process.env.REMENDO_TEST_SEED ?? Date.now() % 1_000_000);
const histories = 2;
const steps = 80;
const planDaysKept = 30;

const servers: TestServer[] = [];
afterAll(async () => {
  for (const server of servers) await server.stop();
});

interface HandedOut {
  readonly day: number;
  readonly digests: readonly Digest[];
}

class History {
  readonly #handedOut: HandedOut[] = [];
  #day = 0;
  #patch = 0;
  #plans: PlanService;

  constructor(
    private readonly server: TestServer,
    private readonly random: () => number,
  ) {
    this.#plans = this.#newPlans();
  }

  get #ports() {
    return this.server.ports;
  }

  /** Another process: it remembers no plan. */
  #newPlans(): PlanService {
    const { database, objects, manifests, metrics } = this.#ports;
    const log = { error() {} } as never;
    return new PlanService({ db: database.db, objects, manifests, metrics, log });
  }

  #pick<T>(values: readonly T[]): T | undefined {
    return values[Math.floor(this.random() * values.length)];
  }

  async #builds(): Promise<readonly BuildRecord[]> {
    const view = await this.#ports.catalogue.view();
    const [application] = view.applications;
    return application === undefined ? [] : view.releases(application, 'any').builds;
  }

  async step(): Promise<void> {
    const kinds = ['publish', 'build', 'build', 'evict', 'withdraw', 'plan', 'plan', 'seen', 'age', 'age', 'collect'] as const;
    const kind = this.#patch < 2 ? 'publish' : this.#pick(kinds);
    switch (kind) {
      case 'publish':
        return this.#publish();
      case 'build':
        return this.#build();
      case 'evict':
        return this.#evict();
      case 'withdraw':
        return this.#withdraw();
      case 'plan':
        return this.#plan();
      case 'seen':
        return this.#see();
      case 'age':
        return this.#age(Math.ceil(this.random() * 14));
      case 'collect':
        return this.#collect();
    }
  }

  /** Six files, each in one of a few generations: contents come back in other releases. */
  async #publish(): Promise<void> {
    const parts = Array.from({ length: 6 }, (_, file) => ({
      path: `file-${file}`,
      bytes: `${file} in generation ${Math.floor(this.random() * 4)} `.repeat(100),
    }));
    await publishOk(this.server.url, {
      version: `1.0.${++this.#patch}`,
      parts: [...parts, { path: 'version', bytes: `${this.#patch}` }],
    });
  }

  /** Builds a delta that there is not, or one that there is again: patches that are known, and a pack with new ones. */
  async #build(): Promise<void> {
    const builds = await this.#builds();
    const target = this.#pick(builds.filter(({ state }) => state === 'published'));
    const base = this.#pick(
      builds.filter((build) => target !== undefined && build.releaseId < target.releaseId && !build.is_removed),
    );
    if (target === undefined || base === undefined) return;
    const made = await this.#makeDelta(base, target);
    const { changes, objects } = this.#ports;
    await objects.put(made.index.digest, { kind: 'buffer', buffer: made.index.buffer });
    if (made.pack !== null) await objects.put(made.pack.digest, { kind: 'buffer', buffer: made.pack.buffer });
    await changes.change(['catalogue'], async (tx) => {
      const { id: deltaId } = await tx
        .insertInto('delta')
        .values({ base_build_id: base.buildId, target_build_id: target.buildId })
        .onConflict((conflict) => conflict.columns(['base_build_id', 'target_build_id']).doUpdateSet({ attempts: 0 }))
        .returning('id')
        .executeTakeFirstOrThrow();
      await recordDelta(tx, { ...made, deltaId, notices: [], buildMs: 1, profile: 'compact', isRefining: false });
      await recordObjectUse(tx, target, [made.index.digest, ...(made.pack === null ? [] : [made.pack.digest])]);
    });
  }

  async #makeDelta(base: BuildRecord, target: BuildRecord) {
    const from = await this.#ports.manifests.read(base);
    const to = await this.#ports.manifests.read(target);
    const held = contentsOf(from);
    const missing = contentsOf(to).filter(({ sha256 }) => held.every((content) => content.sha256 !== sha256));
    const contents = missing.map(({ sha256 }) => sha256);
    const stored = await loadPatchesFor(this.#ports.database.db, { build: target, contents, profile: 'compact' });
    const known = chooseKnown(from, to, stored).map(({ derivation }) => derivation);
    const isKnown = new Set(
      known.flatMap((derivation) => (derivation.kind === 'patch' ? derivation.targets : [])).map(({ sha256 }) => sha256),
    );
    const fresh = missing.filter(({ sha256 }) => !isKnown.has(sha256));
    const buffer = randomBytes(20 * fresh.length);
    const object = digestOf(buffer);
    const derivations = fresh.map((content, index): Derivation => {
      const blob = { object, offset: 20 * index, bytes: 20, sha256: digestOf(buffer.subarray(20 * index, 20 * index + 20)) };
      const near = this.#pick(held);
      if (near === undefined || this.random() < 0.3) return { kind: 'whole', target: content, encoding: 'brotli', blob };
      return { kind: 'patch', codec: 'remendo', bases: [near], targets: [content], blob };
    });
    const index = randomBytes(50);
    return {
      derivations: [...known, ...derivations],
      index: { digest: digestOf(index), bytes: index.length, buffer: index },
      pack: fresh.length === 0 ? null : { digest: object, bytes: buffer.length, buffer },
    };
  }

  async #evict(): Promise<void> {
    await this.#ports.changes.change(['catalogue'], (tx) => keepDeltaBudget(tx, Math.floor(this.random() * 1_000)));
  }

  async #withdraw(): Promise<void> {
    const [newest, ...older] = (await this.#builds()).filter(({ state }) => state === 'published');
    const build = this.#pick(older);
    if (newest === undefined || build === undefined || this.random() < 0.5) return;
    const body = { state: 'withdrawn', reason: 'the test' };
    const { status, text } = await ask(this.server, 'PATCH', `/api/v1/releases/${build.version}`, { as: admin, body });
    expect(status, text).toBe(200);
  }

  async #plan(): Promise<void> {
    const builds = await this.#builds();
    const target = this.#pick(builds.filter(({ state }) => state === 'published'));
    if (target === undefined) return;
    await this.#planTo(this.random() < 0.2 ? null : (this.#pick(builds) ?? null), target);
  }

  async #planTo(base: BuildRecord | null, target: BuildRecord): Promise<void> {
    const view = await this.#ports.catalogue.view();
    const { plans } = await this.#plans.plan(view, { base, target, codecs: codecNames });
    expect(plans.length).toBeGreaterThan(0);
    const digests = plans.flatMap(({ fetches }) => fetches.map(({ digest }) => digest as Digest));
    this.#handedOut.push({ day: this.#day, digests: [...new Set(digests)] });
  }

  async #see(): Promise<void> {
    const build = this.#pick(await this.#builds());
    if (build === undefined) return;
    const { applications } = await this.#ports.catalogue.view();
    await this.#ports.database.db
      .insertInto('sighting')
      .values({
        application_id: applications[0]?.id ?? 0,
        platform: 'any',
        terminal_key: `terminal-${Math.floor(this.random() * 3)}`,
        version: build.version,
        channel: 'stable',
        checked_at: new Date(),
      })
      .onConflict((conflict) =>
        conflict
          .columns(['application_id', 'platform', 'terminal_key'])
          .doUpdateSet({ version: build.version, checked_at: new Date() }),
      )
      .execute();
  }

  async #age(days: number): Promise<void> {
    await ageStorage(this.#ports.database.db, days);
    this.#day += days;
    this.#plans = this.#newPlans();
  }

  /** Dooms and, two hours later, removes. */
  async #collectTwice(): Promise<void> {
    const { database, changes, objects } = this.#ports;
    const options = { now: new Date(), actor: serverActor('test'), reason: 'the test' };
    await collectGarbage({ db: database.db, changes, objects }, options);
    await this.#age(2 / 24);
    await collectGarbage({ db: database.db, changes, objects }, options);
  }

  async #collect(): Promise<void> {
    await this.#collectTwice();
    await this.#verifyPlans();
    await this.#verifyReleases();
  }

  async #verifyPlans(): Promise<void> {
    for (const { day, digests } of this.#handedOut) {
      if (this.#day - day > planDaysKept) continue;
      for (const digest of digests)
        expect(await this.#isThere(digest), `object of a plan of day ${day}, now day ${this.#day}`).toBe(true);
    }
  }

  /** Its row, by which it is served, and its bytes. */
  async #isThere(digest: Digest): Promise<boolean> {
    const { database, objects } = this.#ports;
    const row = await database.db.selectFrom('object').where('digest', '=', digest).selectAll().executeTakeFirst();
    return row?.removed_at === null && (await objects.stat(digest))?.bytes === row.bytes;
  }

  async #verifyReleases(): Promise<void> {
    const builds = await this.#builds();
    for (const build of builds) {
      expect(await this.#isThere(build.manifest_object as Digest)).toBe(true);
      if (build.state !== 'published') continue;
      expect(await this.#isThere(build.zip_object as Digest)).toBe(true);
      const contents = contentsOf(await this.#ports.manifests.read(build));
      const { length } = await this.#ports.database.db
        .selectFrom('content')
        .where('object', '=', build.zip_object)
        .selectAll()
        .execute();
      expect(length).toBe(contents.length);
    }
    const [newest] = builds.filter(({ state }) => state === 'published');
    // Every release is a way to the newest, also one that was withdrawn: what the plan names is looked for at once.
    for (const base of builds) if (newest !== undefined && base !== newest) await this.#planTo(base, newest);
    await this.#verifyPlansOfToday();
  }

  async #verifyPlansOfToday(): Promise<void> {
    for (const { day, digests } of this.#handedOut) {
      if (day === this.#day) for (const digest of digests) expect(await this.#isThere(digest)).toBe(true);
    }
  }

  /** What is stored when nobody planned anything for long: what releases and deltas need, and nothing else. */
  async verifyEnd(): Promise<void> {
    const { database, objects } = this.#ports;
    await this.#age(40);
    await this.#collectTwice();
    const { rows } = await sql<{ digest: string }>`
      select zip_object as digest from build join release on release.id = release_id where state <> 'withdrawn'
      union select manifest_object from build
      union select index_object from delta where index_object is not null
      union select pack_object from delta where pack_object is not null
      union select object from patch join delta_patch on patch_id = patch.id`.execute(database.db);
    const stored = [];
    for await (const { digest } of objects.list()) stored.push(digest);
    expect(stored.sort()).toEqual(rows.map(({ digest }) => digest).sort());
  }
}

it('keeps what published releases and plans of the last month need, and nothing else for ever', async () => {
  for (let seed = runSeed; seed < runSeed + histories; seed++) {
    const server = await startTestServer(['--delta-bases', '0']);
    servers.push(server);
    const history = new History(server, seededRandom(seed));
    try {
      for (let step = 0; step < steps; step++) await history.step();
      await history.verifyEnd();
    } catch (cause) {
      throw new Error(`REMENDO_TEST_SEED=${seed}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    }
  }
}, 300_000);
