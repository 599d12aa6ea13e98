/**
 * POST /api/v1/updates/blocks: which blocks of a terminal's damaged files differ from the contents of a release, and those
 * blocks. The answer is binary: the frames of `delta/content-blocks.ts`.
 */
import { type Static, Type } from 'typebox';
import { digest, version } from './shapes.js';

export const BlocksRequest = Type.Object({
  version,
  contents: Type.Array(
    Type.Object({
      sha256: digest,
      /** A power of two from 4 KiB to 1 MiB. */
      block_bytes: Type.Integer({ minimum: 4_096, maximum: 1_048_576 }),
      /** Of each block that the terminal has, in order: six bytes of its SHA-256 as eight characters of base64. Blocks without one differ. */
      digests: Type.String({ maxLength: 1_000_000, pattern: '^[A-Za-z0-9+/]*$' }),
    }),
    { minItems: 1, maxItems: 1_024 },
  ),
  /** Say which blocks differ, without their bytes (default false). */
  only_which: Type.Optional(Type.Boolean()),
});
export type BlocksRequest = Static<typeof BlocksRequest>;
