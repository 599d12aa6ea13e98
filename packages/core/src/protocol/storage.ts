/** What is stored and nothing needs any more. */
import { type Static, Type } from 'typebox';
import { bytes, digest, literals, moment, nullable } from './shapes.js';

export const garbageReasons = ['release_withdrawn', 'unused', 'never_recorded'] as const;

export const GarbageObject = Type.Object({
  digest,
  bytes,
  kind: literals(['zip', 'manifest', 'pack', 'index', 'stray']),
  reason: literals(garbageReasons),
  stored_at: moment,
  last_used_at: nullable(moment),
  doomed_at: nullable(moment),
  /** The first moment at which it may be removed; null: it was not found yet by a collection. */
  removable_at: nullable(moment),
});
export type GarbageObject = Static<typeof GarbageObject>;

export const GarbageList = Type.Object({
  objects: Type.Array(GarbageObject),
  next: nullable(Type.String()),
  /** Of the whole list. */
  total_objects: Type.Integer({ minimum: 0 }),
  total_bytes: bytes,
});
export type GarbageList = Static<typeof GarbageList>;

export const CollectRequest = Type.Object(
  {
    /** Only says what would be done. */
    dry_run: Type.Optional(Type.Boolean({ default: false })),
    reason: Type.String({ minLength: 1, maxLength: 1_000, description: 'Why; kept in the audit' }),
  },
  { additionalProperties: false },
);
export type CollectRequest = Static<typeof CollectRequest>;

export const CollectAnswer = Type.Object({
  dry_run: Type.Boolean(),
  doomed_objects: Type.Integer({ minimum: 0 }),
  doomed_bytes: bytes,
  removed_objects: Type.Integer({ minimum: 0 }),
  removed_bytes: bytes,
});
export type CollectAnswer = Static<typeof CollectAnswer>;
