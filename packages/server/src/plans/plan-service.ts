/** Answers "how does this base become that target", from memory when it was asked before and nothing new is known. */
import { type CodecName, contentsOf, type Digest, errorChain, limits, type Manifest } from '@remendo/core';
import type { PlanAnswer } from '@remendo/core/protocol';
import type { FastifyBaseLogger } from 'fastify';
import type { Db } from '../database/open-database.js';
import type { Metrics } from '../metrics/metrics.js';
import type { ObjectStore } from '../object-store/object-store.js';
import { BoundedCache } from '../releases/bounded-cache.js';
import type { CatalogueView } from '../releases/catalogue.js';
import type { ManifestReader } from '../releases/manifest-object.js';
import { recordObjectUse, requireStored } from '../releases/object-use.js';
import { recordObject } from '../releases/record-release.js';
import type { BuildRecord } from '../releases/release-records.js';
import { type ComposedPlans, type ComposeInput, composeZip } from './compose-plans.js';
import { fitAnswer } from './fit-answer.js';
import { loadKnownDerivations } from './known-derivations.js';
import { runComposePlans } from './run-compose-plans.js';

export interface PlanPorts {
  readonly db: Db;
  readonly objects: ObjectStore;
  readonly manifests: ManifestReader;
  readonly metrics: Metrics;
  readonly log: FastifyBaseLogger;
}

export interface PlanInput {
  readonly base: BuildRecord | null;
  readonly target: BuildRecord;
  readonly codecs: readonly CodecName[];
}

const answerMsMax = 86_400_000;

export class PlanService {
  readonly #answers = new BoundedCache<{ readonly madeAt: number; readonly answer: Promise<PlanAnswer> }>(512);

  constructor(private readonly ports: PlanPorts) {}

  /**
   * The plans from the base (null: from nothing) to the target, for a terminal that knows these codecs; every object they
   * name can be fetched when this returns, and stays for a month.
   */
  async plan(view: CatalogueView, { base, target, codecs }: PlanInput): Promise<PlanAnswer> {
    const key = `${base?.buildId ?? ''} ${target.buildId} ${codecs} ${view.deltaRevision(target.application)}`;
    const cached = this.#answers.get(key);
    // One that was made long ago is made again, so that what it names is known to be in use.
    if (cached !== undefined && Date.now() - cached.madeAt < answerMsMax) return cached.answer;
    const answer = this.#compose(base, target, codecs);
    this.#answers.set(key, { madeAt: Date.now(), answer });
    answer.catch(() => this.#answers.delete(key));
    return answer;
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
    const answer = fitAnswer(answerHead(base, target), fetchable);
    await this.#recordUse(answer, target);
    this.ports.metrics.planComposed();
    return answer;
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

  /** Who may fetch the objects of a plan, and that they are in use. */
  async #recordUse({ plans, target }: PlanAnswer, build: BuildRecord): Promise<void> {
    const objects = new Set(plans.flatMap(({ fetches }) => fetches.map(({ digest }) => digest)));
    await recordObjectUse(this.ports.db, build, [...objects, target.manifest.digest, target.zip.digest]);
  }

  async #storeIndexes({ plans }: ComposedPlans): Promise<void> {
    for (const { index } of plans) {
      if (index === null) continue;
      const { digest, encoded } = index;
      const { bytes } = await this.ports.objects.put(digest, { kind: 'buffer', buffer: encoded });
      await this.ports.db.transaction().execute(async (tx) => {
        await recordObject(tx, { digest, bytes }, 'index');
        await requireStored(this.ports.objects, [digest]);
      });
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
      requires_backup: target.requires_backup,
      rollback_compatible: target.rollback_compatible,
      requirements: target.requirements,
    },
  };
}
