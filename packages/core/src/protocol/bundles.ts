/** Offline bundles: what is asked for, what the server signs and a folder then holds, and the receipts that come back. */
import { type Static, Type } from 'typebox';
import { customerCode } from './accounts.js';
import { UpdateEvent, UpdateEventsAnswer } from './history.js';
import { PlanAnswer, releaseTypes } from './schemas.js';
import { bytes, digest, line, literals, moment, nullable, slug, version } from './shapes.js';
import { terminalId } from './terminals.js';

const closed = { additionalProperties: false } as const;

/** Of one bundle. */
export const bundleReleasesMax = 16;
export const bundleBasesMax = 32;

/** POST /api/v1/bundles */
export const BundleRequest = Type.Object(
  {
    releases: Type.Array(
      Type.Object(
        {
          application: Type.Optional(slug),
          /** Left out: the application's only one, else `any`. */
          platform: Type.Optional(slug),
          version,
          /** Releases that terminals may have; the full zip is for all others. */
          bases: Type.Optional(Type.Array(version, { maxItems: bundleBasesMax })),
          /** Also from the newest of all older releases, as many as there may be bases. */
          any_base: Type.Optional(Type.Boolean()),
        },
        closed,
      ),
      { minItems: 1, maxItems: bundleReleasesMax },
    ),
    /** Of patches that the terminals know. */
    codecs: Type.Optional(Type.Array(Type.String({ pattern: '^[a-z0-9+]{1,64}$' }), { maxItems: 32 })),
  },
  closed,
);
export type BundleRequest = Static<typeof BundleRequest>;

/** What a check says of a release, and how to get to it from each base. */
export const BundledRelease = Type.Object({
  application: slug,
  platform: slug,
  version,
  display_version: Type.Optional(version),
  type: literals(releaseTypes),
  title: Type.String(),
  changelog: Type.String(),
  breaking_changes: Type.String(),
  requires_backup: Type.Boolean(),
  requires_downtime: Type.Boolean(),
  rollback_compatible: Type.Boolean(),
  mandatory: Type.Boolean(),
  requirements: Type.Record(Type.String(), Type.String()),
  /** Versions that a terminal which is below them has to have had before this one. */
  floors: Type.Array(version, { maxItems: 256 }),
  /** Armored OpenPGP signature of the full zip. */
  zip_signature: Type.Optional(Type.String({ maxLength: 65_536 })),
  /** One for each base, and one from nothing. */
  plans: Type.Array(PlanAnswer, { minItems: 1, maxItems: bundleBasesMax + 1 }),
});
export type BundledRelease = Static<typeof BundledRelease>;

/** What a bundle holds, as the server signed it: `index` of a bundle's description. */
export const BundleIndex = Type.Object({
  format: Type.Literal('remendo-bundle-index-1'),
  releases: Type.Array(BundledRelease, { minItems: 1, maxItems: 4 * bundleReleasesMax }),
  /** Manifests of the bases, by which a terminal finds out which release it has when it does not know. */
  bases: Type.Array(
    Type.Object({
      application: slug,
      platform: slug,
      version,
      manifest_digest: digest,
      manifest: Type.Object({ digest, bytes }),
    }),
    { maxItems: 4 * bundleReleasesMax * bundleBasesMax },
  ),
});
export type BundleIndex = Static<typeof BundleIndex>;

/** `remendo-bundle.json`: everything of a bundle but its objects. */
export const BundleDescription = Type.Object({
  format: Type.Literal('remendo-bundle-1'),
  /** A `BundleIndex` as text: its bytes are what is signed. */
  index: Type.String({ maxLength: 16 * 1024 * 1024 }),
  /** Signed metadata by its names: `bundle.json`, `timestamp.json`, `1.root.json`, … */
  metadata: Type.Array(
    Type.Object({
      name: Type.String({ pattern: '^[a-z0-9][a-z0-9._-]{0,99}\\.json$' }),
      body: Type.String({ maxLength: 2 * 1024 * 1024 }),
    }),
    { maxItems: 4_096 },
  ),
});
export type BundleDescription = Static<typeof BundleDescription>;

const build = { application: slug, platform: slug, version };

export const BundleAnswer = Type.Object({
  description: BundleDescription,
  /** Releases that are not to be had (any more), and why. */
  left_out: Type.Array(Type.Object({ application: Type.String(), version: Type.String(), code: Type.String(), reason: line })),
  /** Deltas that would make the bundle smaller and are still being built. */
  under_way: Type.Array(Type.Object({ ...build, base: version })),
});
export type BundleAnswer = Static<typeof BundleAnswer>;

/** What a terminal tells of its updates by way of whoever carries the bundle: the text that its MAC is over. */
export const ReceiptBody = Type.Object(
  {
    terminal_id: terminalId,
    application: slug,
    platform: slug,
    made_at: moment,
    events: Type.Array(UpdateEvent, { minItems: 1, maxItems: 500 }),
  },
  closed,
);
export type ReceiptBody = Static<typeof ReceiptBody>;

/** A file below `receipts`. */
export const Receipt = Type.Object(
  {
    format: Type.Literal('remendo-receipt-1'),
    terminal_id: terminalId,
    /** A `ReceiptBody` as text. */
    body: Type.String({ minLength: 2, maxLength: 512 * 1024 }),
    /** HMAC-SHA-256 of the body, in lower-case hex, by a key that comes out of the terminal's secret. */
    mac: digest,
  },
  closed,
);
export type Receipt = Static<typeof Receipt>;

/** POST /api/v1/updates/receipts */
export const ReceiptRequest = Type.Object({ receipt: Receipt }, closed);
export type ReceiptRequest = Static<typeof ReceiptRequest>;

export const ReceiptAnswer = Type.Object({
  ...UpdateEventsAnswer.properties,
  terminal_id: terminalId,
  customer: nullable(customerCode),
});
export type ReceiptAnswer = Static<typeof ReceiptAnswer>;
