/** Answers "how does this base become that target", from memory when it was asked before and nothing new is known. */
import { type CodecName, contentsOf, type Digest, errorChain, limits, type Manifest } from '@remendo/core';
import type { PlanAnswer } from '@remendo/core/protocol';
import type { FastifyBaseLogger } from 'fastify';
import type { Db } from '../database/open-database.js';
import type { ObjectStore } from '../object-store/object-store.js';
import { BoundedCache } from '../releases/bounded-cache.js';
import type { ManifestReader } from '../releases/manifest-object.js';
import type { BuildRecord } from '../releases/release-records.js';
import { type ComposedPlans, type ComposeInput, composeZip } from './compose-plans.js';
import { fitAnswer } from './fit-answer.js';
import { loadKnownDerivations } from './known-derivations.js';
import { runComposePlans } from './run-compose-plans.js';

export interface PlanPorts {
  readonly db: Db;
  readonly objects: ObjectStore;
  readonly manifests: ManifestReader;
  readonly log: FastifyBaseLogger;
}

export class PlanService {
  readonly #answers = new BoundedCache<Promise<PlanAnswer>>(512);

  constructor(private readonly ports: PlanPorts) {}

  /**
   * The plans from the base (null: from nothing) to the target, for a terminal that knows these codecs; every object they
   * name can be fetched when this returns.
   */
  async plan(base: BuildRecord | null, target: BuildRecord, codecs: readonly CodecName[]): Promise<PlanAnswer> {
    const key = `${base?.buildId ?? ''} ${target.buildId} ${codecs} ${await this.#revision(target.application)}`;
    const cached = this.#answers.get(key);
    if (cached !== undefined) return cached;
    const answer = this.#compose(base, target, codecs);
    this.#answers.set(key, answer);
    answer.catch(() => this.#answers.delete(key));
    return answer;
  }

  /** Moves with every delta of the application that becomes ready, by whichever process. */
  async #revision(application: string): Promise<string> {
    const { count, last } = await this.ports.db
      .selectFrom('delta')
      .innerJoin('build', 'build.id', 'delta.target_build_id')
      .innerJoin('release', 'release.id', 'build.release_id')
      .innerJoin('application', 'application.id', 'release.application_id')
      .where('application.slug', '=', application)
      .where('delta.state', '=', 'ready')
      .select((eb) => [eb.fn.countAll<number>().as('count'), eb.fn.max('delta.revision').as('last')])
      .executeTakeFirstOrThrow();
    return `${count}.${last ?? 0}`;
  }

  async #compose(base: BuildRecord | null, target: BuildRecord, codecs: readonly CodecName[]): Promise<PlanAnswer> {
    const targetManifest = await this.ports.manifests.read(target);
    const baseManifest = base === null ? null : await this.ports.manifests.read(base);
    const known = await loadKnownDerivations(this.ports.db, { base, target, missing: missingOf(baseManifest, targetManifest) });
    const composed = await this.#composeOrZip({
      base: baseManifest,
      target: targetManifest,
      ...known,
      codecs,
      zip: { digest: target.zip_object as Digest, bytes: target.zip_bytes },
      manifestObject: { digest: target.manifest_object as Digest, bytes: target.manifest_object_bytes },
    });
    const fetchable = withoutHugeIndexes(composed);
    await this.#storeIndexes(fetchable);
    return fitAnswer(answerHead(base, target), fetchable);
  }

  /** A release that is too large to plan for can still be fetched whole: no terminal is left without a way to it. */
  async #composeOrZip(input: ComposeInput): Promise<ComposedPlans> {
    try {
      return await runComposePlans(input);
    } catch (error) {
      const { application, version } = input.target;
      this.ports.log.error(
        { event: 'plan_failed', application, base: input.base?.version ?? null, target: version, errors: errorChain(error) },
        'no delta can be planned; the zip is offered',
      );
      return { plans: [composeZip(input)], losers: [{ label: 'deltas', costBytes: null, reason: 'can not be planned' }] };
    }
  }

  async #storeIndexes({ plans }: ComposedPlans): Promise<void> {
    for (const { index } of plans) {
      if (index === null) continue;
      const { bytes } = await this.ports.objects.put(index.digest, { kind: 'buffer', buffer: index.encoded });
      await this.ports.db
        .insertInto('object')
        .values({ digest: index.digest, bytes, kind: 'index' })
        .onConflict((conflict) => conflict.column('digest').doNothing())
        .execute();
    }
  }
}

function missingOf(base: Manifest | null, target: Manifest): readonly Digest[] {
  const held = new Set(base === null ? [] : contentsOf(base).map((content) => content.sha256));
  return contentsOf(target)
    .map((content) => content.sha256)
    .filter((sha256) => !held.has(sha256));
}

/** A terminal refuses an index over the limit; such a plan is not offered. */
function withoutHugeIndexes(composed: ComposedPlans): ComposedPlans {
  const plans = composed.plans.filter(({ index }) => (index?.encoded.length ?? 0) <= limits.deltaIndexEncodedBytesMax);
  return { ...composed, plans };
}

function answerHead(base: BuildRecord | null, target: BuildRecord): Omit<PlanAnswer, 'plans' | 'losers'> {
  return {
    application: target.application,
    platform: target.platform,
    base: base === null ? null : { version: base.version, manifest_digest: base.manifest_digest },
    target: {
      version: target.version,
      ...(target.display_version === null ? {} : { display_version: target.display_version }),
      manifest_digest: target.manifest_digest,
      manifest: { digest: target.manifest_object, bytes: target.manifest_object_bytes },
      zip: { digest: target.zip_object, bytes: target.zip_bytes },
      installed_bytes: target.installed_bytes,
    },
  };
}
