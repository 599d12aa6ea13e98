/** Whole contents that are not what they say: bombs, lies and leftovers, in each encoding. */
import { brotliCompressSync, constants, deflateRawSync } from 'node:zlib';
import type { EncodingName } from '../../delta/delta.js';
import { joined } from '../remendo-samples.js';
import { brotliBomb, deflateBomb } from './bombs.js';
import { bomb, type HostileFixture, hostile } from './hostile-fixture.js';
import { baseContent, targetContent } from './hostile-release.js';

const whole = (encoding: EncodingName, blob: Uint8Array, target: Uint8Array = targetContent) => ({
  kind: 'blob' as const,
  how: { kind: 'whole' as const, encoding },
  base: baseContent,
  target,
  blob,
});

const mismatch = 'PATCH_TARGET_MISMATCH';
const invalid = 'PATCH_INVALID';
/** Larger than what is inflated at once. */
const large = joined(Array.from({ length: 128 }, () => targetContent));

/** Says that its window has 1 GiB: "large window brotli", which is no brotli. */
const largeWindow = (): Uint8Array =>
  brotliCompressSync(targetContent, {
    params: { [constants.BROTLI_PARAM_LARGE_WINDOW]: 1, [constants.BROTLI_PARAM_LGWIN]: 30 },
  });

export const wholeFixtures: readonly HostileFixture[] = [
  hostile('whole-other-bytes', 'other bytes of the same length', mismatch, () => whole('identity', baseContent)),
  hostile('whole-longer', 'a byte more than is signed', mismatch, () =>
    whole('identity', joined([targetContent, Uint8Array.of(0)])),
  ),
  hostile('whole-shorter', 'a byte fewer than is signed', mismatch, () => whole('identity', targetContent.subarray(1))),
  bomb('deflate-bomb', 'a mebibyte of deflate that becomes a gibibyte', mismatch, () => whole('deflate', deflateBomb(1_024))),
  bomb('deflate-bomb-small', 'deflate that fits into memory and becomes 64 MiB', invalid, () => whole('deflate', deflateBomb(64))),
  bomb('deflate-bomb-large-target', 'the same behind a content that is too large for memory', mismatch, () =>
    whole('deflate', deflateBomb(256), large),
  ),
  bomb('brotli-bomb', 'some hundred bytes of brotli that become 128 MiB', mismatch, () => whole('brotli', brotliBomb(128))),
  hostile('brotli-large-window', 'a window of 1 GiB, which is to be allocated', invalid, () => whole('brotli', largeWindow())),
  hostile('deflate-is-none', 'what is not deflate', invalid, () => whole('deflate', Buffer.alloc(500, 0xff))),
  hostile('deflate-is-none-large', 'what is not deflate, behind a large content', invalid, () =>
    whole('deflate', Buffer.alloc(500, 0xff), large),
  ),
  hostile('brotli-is-none', 'what is not brotli', invalid, () => whole('brotli', Buffer.alloc(500, 0xff))),
  hostile('deflate-torn', 'deflate that ends early', invalid, () =>
    whole('deflate', deflateRawSync(targetContent).subarray(0, 700)),
  ),
  hostile('deflate-torn-large', 'deflate that ends early, behind a large content', invalid, () =>
    whole('deflate', deflateRawSync(large).subarray(0, 700), large),
  ),
  hostile('brotli-torn', 'brotli that ends early', invalid, () =>
    whole('brotli', brotliCompressSync(targetContent).subarray(0, 700)),
  ),
  hostile(
    'codec-unknown',
    'a patch of a codec that nobody knows, with control characters in its name',
    'PATCH_CODEC_UNKNOWN',
    () => ({
      ...whole('identity', targetContent),
      how: { kind: 'patch', codec: 'bsdiff\u001b[2J\r\n' },
    }),
  ),
];
