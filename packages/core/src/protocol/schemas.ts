/**
 * What goes over the wire between a terminal, a publisher and the server: shapes, and nothing else. Browser-safe. Names
 * are those of the HTTP contract (snake_case); fields are only ever added.
 */
import { type Static, Type } from 'typebox';
import { bytes, digest, line, literals, slug, version } from './shapes.js';

export const releaseTypes = ['stable', 'development', 'hotfix'] as const;
export const releaseStates = ['draft', 'testing', 'published', 'deprecated', 'withdrawn'] as const;
export const channels = ['stable', 'development'] as const;

export const Problem = Type.Object(
  {
    type: Type.String(),
    title: Type.String(),
    status: Type.Integer(),
    code: Type.String(),
    detail: Type.Optional(Type.String()),
    request_id: Type.Optional(Type.String()),
  },
  { $id: 'Problem', description: 'application/problem+json (RFC 9457) with a stable code' },
);
export type Problem = Static<typeof Problem>;

/** GET /api/v1/updates/check */
export const CheckAnswer = Type.Object({
  update_available: Type.Boolean(),
  application: slug,
  platform: slug,
  current_version: Type.Union([version, Type.Null()]),
  latest_version: Type.Union([version, Type.Null()]),
  display_version: Type.Optional(version),
  type: Type.Optional(literals(releaseTypes)),
  download_url: Type.Optional(Type.String({ maxLength: 2_000 })),
  checksum: Type.Optional(Type.String({ pattern: '^sha256:[0-9a-f]{64}$' })),
  size_bytes: Type.Optional(bytes),
  size_mb: Type.Optional(Type.Number()),
  /** What the best plan costs now; null while its deltas are still being built. */
  patch_bytes: Type.Optional(Type.Union([bytes, Type.Null()])),
  title: Type.Optional(Type.String()),
  changelog: Type.Optional(Type.String()),
  breaking_changes: Type.Optional(Type.String()),
  requires_backup: Type.Optional(Type.Boolean()),
  requires_downtime: Type.Optional(Type.Boolean()),
  mandatory: Type.Optional(Type.Boolean()),
  rollback_compatible: Type.Optional(Type.Boolean()),
  /** Named component to semver range; checked on the terminal before anything is touched. */
  requirements: Type.Optional(Type.Record(Type.String(), Type.String())),
  /** What the update leads to; another version than the latest when that is a step on the way. */
  final_version: Type.Optional(version),
  floor_step: Type.Optional(Type.Boolean()),
  /** The terminal is pinned to something older, and policy allows to go there. */
  downgrade: Type.Optional(Type.Boolean()),
  rollout: Type.Optional(Type.Object({ share: Type.Integer(), state: Type.String() })),
  reason: Type.Optional(Type.String({ maxLength: 64 })),
});
export type CheckAnswer = Static<typeof CheckAnswer>;

const StoredObject = Type.Object({ digest, bytes });

const PlanFetch = Type.Object({
  digest,
  object_bytes: bytes,
  /** [offset, bytes] pairs, ascending, not touching. */
  ranges: Type.Array(Type.Tuple([bytes, bytes]), { maxItems: 4_096 }),
});

const planFields = {
  label: line,
  fetches: Type.Array(PlanFetch, { maxItems: 4_096 }),
  fetch_bytes: bytes,
  requests: bytes,
  cost_bytes: bytes,
};

export const OfferedPlan = Type.Union([
  Type.Object({
    kind: Type.Literal('delta'),
    ...planFields,
    /** The delta's index, brotli-compressed as stored; it is the first of the fetches. */
    index: StoredObject,
  }),
  Type.Object({ kind: Type.Literal('zip'), ...planFields }),
]);
export type OfferedPlan = Static<typeof OfferedPlan>;

/** GET /api/v1/updates/plan: plans with patches of the codecs that the query announces, comma between, and no others. */
export const PlanAnswer = Type.Object({
  application: slug,
  platform: slug,
  /** The release the plans start from; null: from nothing, because the server does not know what the terminal has. */
  base: Type.Union([Type.Object({ version, manifest_digest: digest }), Type.Null()]),
  target: Type.Object({
    version,
    display_version: Type.Optional(version),
    manifest_digest: digest,
    /** The canonical manifest, brotli-compressed as stored. */
    manifest: StoredObject,
    zip: StoredObject,
    installed_bytes: bytes,
    /** As in the answer to a check. */
    requires_backup: Type.Optional(Type.Boolean()),
    rollback_compatible: Type.Optional(Type.Boolean()),
    requirements: Type.Optional(Type.Record(Type.String(), Type.String())),
  }),
  /** Cheapest first. */
  plans: Type.Array(OfferedPlan, { maxItems: 16 }),
  losers: Type.Array(Type.Object({ label: line, cost_bytes: Type.Union([bytes, Type.Null()]), reason: line }), { maxItems: 64 }),
});
export type PlanAnswer = Static<typeof PlanAnswer>;

/** POST /api/v1/updates/contents: where single contents of a release can be fetched whole. */
export const ContentsRequest = Type.Object({ version, contents: Type.Array(digest, { minItems: 1, maxItems: 1_024 }) });
export type ContentsRequest = Static<typeof ContentsRequest>;

export const ContentsAnswer = Type.Object({
  contents: Type.Array(
    Type.Object({
      sha256: digest,
      bytes,
      encoding: literals(['identity', 'deflate', 'brotli']),
      object: digest,
      object_bytes: bytes,
      offset: bytes,
      encoded_bytes: bytes,
      encoded_sha256: digest,
    }),
    { maxItems: 1_024 },
  ),
});
export type ContentsAnswer = Static<typeof ContentsAnswer>;

/** POST /api/v1/updates/identify: which release an install is, told by what its files hold. */
export const IdentifyRequest = Type.Object({
  files: Type.Array(Type.Object({ path: Type.String({ maxLength: 1_024 }), sha256: digest }), { minItems: 1, maxItems: 256 }),
});
export type IdentifyRequest = Static<typeof IdentifyRequest>;

export const IdentifyAnswer = Type.Object({
  /** Whose releases the candidates are. */
  application: slug,
  platform: slug,
  /** Best first; only releases with at least one matching file. */
  candidates: Type.Array(Type.Object({ version, manifest_digest: digest, manifest: StoredObject, matched: bytes, files: bytes }), {
    maxItems: 16,
  }),
});
export type IdentifyAnswer = Static<typeof IdentifyAnswer>;

/** GET /api/v1/releases and GET /api/v1/releases/{version} */
export const ReleaseSummary = Type.Object({
  application: slug,
  platform: slug,
  version,
  display_version: Type.Optional(version),
  type: literals(releaseTypes),
  state: literals(releaseStates),
  manifest_digest: digest,
  files: bytes,
  installed_bytes: bytes,
  zip: StoredObject,
  /** Whether an OpenPGP signature of the zip is there. */
  zip_signed: Type.Optional(Type.Boolean()),
  title: Type.String(),
  changelog: Type.String(),
  mandatory: Type.Optional(Type.Boolean()),
  floor: Type.Optional(Type.Boolean()),
  rollout: Type.Optional(Type.Object({ share: Type.Integer(), state: literals(['running', 'paused', 'halted']) })),
  released_at: Type.Union([Type.String(), Type.Null()]),
  /** Deltas that lead to this release. */
  deltas: Type.Array(
    Type.Object({
      base_version: version,
      state: literals(['wanted', 'building', 'ready', 'rejected', 'evicted']),
      bytes: Type.Union([bytes, Type.Null()]),
      /** It is served already, and is built again to become smaller. */
      refining: Type.Optional(Type.Boolean()),
      detail: Type.Optional(Type.String()),
    }),
  ),
});
export type ReleaseSummary = Static<typeof ReleaseSummary>;

export const ReleaseList = Type.Object({ releases: Type.Array(ReleaseSummary) });
export type ReleaseList = Static<typeof ReleaseList>;

/** POST /api/v1/releases */
export const PublishAnswer = Type.Object({ success: Type.Boolean(), already_published: Type.Boolean(), release: ReleaseSummary });
export type PublishAnswer = Static<typeof PublishAnswer>;

/** GET /check_update, as the first terminals know it. */
export const OldCheckAnswer = Type.Object({
  update_available: Type.Boolean(),
  latest_version: Type.Optional(version),
  download_url: Type.Optional(Type.String()),
  checksum: Type.Optional(Type.String()),
});
export type OldCheckAnswer = Static<typeof OldCheckAnswer>;
