/** Patches of our own format: headers that lie, streams that never end, references to nowhere. */
import { brotliCompressSync } from 'node:zlib';
import { ByteWriter } from '../../bytes/byte-writer.js';
import { encodePatchHeader } from '../../patch/remendo/patch-header.js';
import { joined, makePatchOf } from '../remendo-samples.js';
import { brotliBomb } from './bombs.js';
import { bomb, type HostileFixture, hostile } from './hostile-fixture.js';
import { baseContent, targetContent } from './hostile-release.js';

const code = 'PATCH_INVALID';

/** A blob that says it is such a patch. */
export const remendoBlob = (blob: Uint8Array, { codec = 'remendo', base = baseContent, target = targetContent } = {}) => ({
  kind: 'blob' as const,
  how: { kind: 'patch' as const, codec },
  base,
  target,
  blob,
});

const honest = (profile: 'compact' | 'fast'): Uint8Array =>
  makePatchOf({ bases: [baseContent], targets: [targetContent] }, profile, { seesReferences: false });

const patch = (name: string, attack: string, make: () => Uint8Array, refusal: HostileFixture['code'] = code): HostileFixture =>
  hostile(`remendo-${name}`, attack, refusal, () => remendoBlob(make()));

const sizes = { windowBits: 16, historyBits: 12, guessBits: 14 };
const compactHeader = (blocksBytes: number, changed: Partial<typeof sizes> = {}): Uint8Array =>
  encodePatchHeader({ profile: 'compact', decodeCost: 0, sizes: { ...sizes, ...changed } }, [], [blocksBytes]);

interface FastStreams {
  readonly blocks?: Uint8Array;
  readonly runs?: Uint8Array;
  readonly wrong?: Uint8Array;
  readonly fresh?: Uint8Array;
}

/** A fast patch of streams before their compression; those that are left out are empty. */
function fastPatch(streams: FastStreams, encoded: FastStreams = {}): Uint8Array {
  const names = ['blocks', 'runs', 'wrong', 'fresh'] as const;
  const parts = names.map((name) => encoded[name] ?? brotliCompressSync(streams[name] ?? new Uint8Array()));
  const lengths = parts.slice(0, 3).map((part) => part.length);
  return joined([encodePatchHeader({ profile: 'fast', decodeCost: 0, sizes: null }, [], lengths), ...parts]);
}

const numbers = (...values: readonly number[]): Uint8Array => {
  const writer = new ByteWriter();
  for (const value of values) writer.varint(value);
  return writer.toBuffer();
};

const bytes = targetContent.length;
/** One block of new bytes. */
const freshBlock = numbers(0, 0, bytes);

const lies: readonly HostileFixture[] = [
  patch('no-bytes', 'a patch of no bytes', () => new Uint8Array()),
  patch(
    'newer-format',
    'a patch of a format that is not there yet',
    () => joined([Uint8Array.of(0x20), honest('compact')]),
    'PATCH_CODEC_UNKNOWN',
  ),
  patch(
    'unknown-profile',
    'a profile that is not there yet',
    () => joined([Uint8Array.of(0x1f), honest('compact')]),
    'PATCH_CODEC_UNKNOWN',
  ),
  patch('unknown-transform', 'a transform that is not there yet', () => Uint8Array.of(0x10, 0, 1, 99, 0, 0), 'PATCH_CODEC_UNKNOWN'),
  patch('unannounced-transform', 'a transform that the codec does not name', () =>
    Uint8Array.of(0x10, 0, 1, 1, 0, 0, 16, 12, 14, 0),
  ),
  patch('transforms-twice', 'the same transform twice', () => Uint8Array.of(0x10, 0, 2, 2, 0, 0, 2, 0, 0, 16, 12, 14, 0)),
  patch('transforms-without-number', 'a count of 2^52 transforms', () => joined([Uint8Array.of(0x10, 0), numbers(2 ** 52)])),
  patch('padded-varint', 'a number spelled with more bytes than it needs', () => Uint8Array.of(0x10, 0x80, 0x80, 0, 0)),
  patch('varint-without-end', 'a number that never ends', () => new Uint8Array(64).fill(0xff).fill(0x10, 0, 1)),
  patch('window-of-2-gib', 'a window of 2^31 bytes, which is to be allocated', () => compactHeader(0, { windowBits: 31 })),
  patch('history-of-2-gib', 'a history of 2^31 entries', () => compactHeader(0, { historyBits: 31 })),
  patch('guesses-of-2-gib', 'a table of 2^31 guesses', () => compactHeader(0, { guessBits: 31 })),
  patch('blocks-beyond-patch', 'a block list that reaches behind the patch', () =>
    joined([compactHeader(2 ** 52), new Uint8Array(100)]),
  ),
  patch('no-blocks', 'a compact patch without blocks: the coder reads nothing for ever', () => compactHeader(0)),
  patch('zeros', 'streams of zeros', () => joined([compactHeader(1_000), new Uint8Array(4_000)])),
  patch('ones', 'streams of ones', () => joined([compactHeader(1_000), new Uint8Array(4_000).fill(0xff)])),
  patch('torn', 'a compact patch that ends early', () => honest('compact').subarray(0, 300)),
  patch('goes-on', 'bytes behind the end of a compact patch', () => joined([honest('compact'), new Uint8Array(1_000).fill(0x55)])),
];

const fast: readonly HostileFixture[] = [
  patch('fast-copies-from-nowhere', 'a copy from behind everything that is there', () =>
    fastPatch({ blocks: numbers(bytes, 2 * 1_000_000, 0), runs: numbers(bytes) }),
  ),
  patch('fast-copies-from-before', 'a copy from before the bases', () =>
    fastPatch({ blocks: numbers(bytes, 1, 0), runs: numbers(bytes) }),
  ),
  patch('fast-copies-itself', 'a copy of bytes that are not made yet', () =>
    fastPatch({ blocks: numbers(bytes, 2 * baseContent.length, 0), runs: numbers(bytes) }),
  ),
  patch('fast-copies-too-much', 'a copy of 2^40 bytes', () =>
    fastPatch({ blocks: numbers(2 ** 40, 0, 0), runs: numbers(2 ** 40) }),
  ),
  patch('fast-too-many-new', 'new bytes beyond the target', () =>
    fastPatch({ blocks: numbers(0, 0, bytes + 1), fresh: new Uint8Array(bytes + 1) }),
  ),
  patch('fast-no-progress', 'blocks that make nothing', () => fastPatch({ blocks: new Uint8Array(3_000_000) })),
  patch('fast-runs-too-long', 'a run beyond all copied bytes', () =>
    fastPatch({ blocks: numbers(bytes, 0, 0), runs: numbers(2 ** 40) }),
  ),
  patch('fast-runs-of-nothing', 'runs of no bytes without end', () =>
    fastPatch({ blocks: numbers(bytes, 0, 0), runs: new Uint8Array(3_000_000) }),
  ),
  patch('fast-streams-end-early', 'fewer new bytes than its blocks say', () =>
    fastPatch({ blocks: freshBlock, fresh: new Uint8Array(9) }),
  ),
  patch('fast-streams-go-on', 'more new bytes than its blocks say', () =>
    fastPatch({ blocks: freshBlock, fresh: new Uint8Array(bytes + 9) }),
  ),
  patch('fast-is-no-brotli', 'streams that are not brotli', () => fastPatch({}, { blocks: new Uint8Array(50).fill(0xff) })),
  ...(['blocks', 'runs', 'wrong', 'fresh'] as const).map((stream) =>
    bomb(`remendo-fast-endless-${stream}`, `some hundred bytes of ${stream} that become 128 MiB`, code, () => {
      const blocks = stream === 'fresh' ? freshBlock : numbers(bytes, 0, 0);
      const runs = stream === 'wrong' ? numbers(0, bytes) : numbers(bytes);
      return remendoBlob(fastPatch({ blocks, runs }, { [stream]: brotliBomb(128) }));
    }),
  ),
];

export const remendoFixtures: readonly HostileFixture[] = [
  ...lies,
  ...fast,
  hostile('remendo-other-target', 'a sound patch to another target than the one that is signed', 'PATCH_TARGET_MISMATCH', () =>
    remendoBlob(makePatchOf({ bases: [baseContent], targets: [baseContent.toReversed()] }, 'fast', { seesReferences: false })),
  ),
];
