/** BSDIFF40 patches: what bspatch fell for. */
import { Bsdiff40Encoder, type Bsdiff40HeaderFields, encodeTriples } from '../bsdiff40-encoder.js';
import { encodeBzip2 } from '../bzip2-encoder.js';
import { joined } from '../remendo-samples.js';
import { bomb, type HostileFixture, hostile } from './hostile-fixture.js';
import { baseContent, targetContent } from './hostile-release.js';

const code = 'PATCH_INVALID';
const targetBytes = targetContent.length;
const int64Max = 2n ** 63n - 1n;

/** A blob that says it is such a patch. */
export const bsdiffBlob = (blob: Uint8Array) => ({
  kind: 'blob' as const,
  how: { kind: 'patch' as const, codec: 'bsdiff40' },
  base: baseContent,
  target: targetContent,
  blob,
});

type Triple = readonly [add: number | bigint, copy: number | bigint, seek: number | bigint];

/** A patch with this control stream, whose other streams have what its triples take as far as that can be had. */
function patchOf(control: Uint8Array, { adds = 0, copies = 0 } = {}): Uint8Array {
  return new Bsdiff40Encoder()
    .control(control)
    .diff(new Uint8Array(adds))
    .extra(new Uint8Array(copies))
    .finish({ targetBytes: BigInt(targetBytes) });
}

const withinTarget = (lengths: readonly (number | bigint)[]): number =>
  lengths.reduce<number>((sum, length) => sum + (length > 0 && length <= targetBytes ? Number(length) : 0), 0);

const triples = (name: string, attack: string, ...of: readonly Triple[]): HostileFixture => {
  const [adds, copies] = [withinTarget(of.map(([add]) => add)), withinTarget(of.map(([, copy]) => copy))];
  return hostile(`bspatch-${name}`, attack, code, () => bsdiffBlob(patchOf(encodeTriples(of), { adds, copies })));
};

/** Makes the target, by nothing but new bytes. */
const honest = (fields?: Bsdiff40HeaderFields): Uint8Array =>
  new Bsdiff40Encoder().triple(0, targetBytes, 0).extra(targetContent).finish(fields);

const header = (name: string, attack: string, fields: Bsdiff40HeaderFields): HostileFixture =>
  hostile(`bspatch-${name}`, attack, code, () => bsdiffBlob(honest(fields)));

/** The honest patch's bytes, changed. */
const bytes = (name: string, attack: string, change: (patch: Uint8Array) => Uint8Array): HostileFixture =>
  hostile(`bspatch-${name}`, attack, code, () => bsdiffBlob(change(honest())));

/** Enough to tell, and made once: as a control stream these are triples that make nothing. */
let zeros: Uint8Array | null = null;
const endlessZeros = (): Uint8Array => {
  zeros ??= encodeBzip2(new Uint8Array(80 * 1024 * 1024));
  return zeros;
};

/** One stream goes on for 80 MiB after what the target needs of it. */
const endless = (stream: 'control' | 'diff' | 'extra'): HostileFixture =>
  bomb(`bspatch-endless-${stream}`, `a ${stream} stream of some hundred bytes that unpacks to 80 MiB`, code, () => {
    const triple: Triple = stream === 'diff' ? [targetBytes, 0, 0] : [0, targetBytes, 0];
    const plain = { control: encodeTriples([triple]), diff: new Uint8Array(), extra: new Uint8Array(targetBytes) };
    const [control, diff, extra] = (['control', 'diff', 'extra'] as const).map((name) =>
      name === stream ? endlessZeros() : encodeBzip2(plain[name]),
    ) as [Uint8Array, Uint8Array, Uint8Array];
    const header = Buffer.from('BSDIFF40'.padEnd(32, '\0'), 'latin1');
    for (const [at, value] of [control.length, diff.length, targetBytes].entries()) header.writeUInt32LE(value, 8 + 8 * at);
    return bsdiffBlob(joined([header, control, diff, extra]));
  });

export const bsdiffFixtures: readonly HostileFixture[] = [
  triples('negative-add', 'CVE-2014-9862: an add length below zero writes before the target', [-1, 0, 0]),
  triples('negative-copy', 'CVE-2014-9862: a copy length below zero', [0, -1, 0]),
  triples('negative-add-behind-a-copy', 'CVE-2014-9862: an add length that takes the target back', [0, 100, 0], [-50, 0, 0]),
  triples('most-negative-add', 'an add length of -(2^63 - 1)', [-int64Max, 0, 0]),
  triples('add-beyond-target', 'CVE-2020-14315: an add length beyond the target', [targetBytes + 1, 0, 0]),
  triples('copy-beyond-target', 'CVE-2020-14315: a copy length beyond the target', [0, targetBytes + 1, 0]),
  triples('add-of-31-bits', 'CVE-2020-14315: an add length that overflows an int', [2 ** 31 - 1, 0, 0]),
  triples('add-of-32-bits', 'CVE-2020-14315: an add length that is negative as an int', [2 ** 32 - 1, 0, 0]),
  triples('add-of-63-bits', 'CVE-2020-14315: an add length that overflows a sum of 64 bits', [int64Max, 0, 0]),
  triples('sum-overflow', 'CVE-2020-14315: add and copy lengths whose sum overflows', [2n ** 62n, 2n ** 62n, 0]),
  triples('sum-of-32-bits', 'add and copy lengths whose sum is small in 32 bits', [2 ** 31, 2 ** 31, 0]),
  triples('seek-before-base', 'a seek before the base, and an add from there', [0, 0, -1], [targetBytes, 0, 0]),
  triples('seek-behind-base', 'a seek behind the base, and an add from there', [0, 0, 1_000_000], [targetBytes, 0, 0]),
  triples('add-over-the-end', 'an add that begins in the base and ends behind it', [0, 0, 3_999], [targetBytes, 0, 0]),
  triples('seek-overflow', 'seeks whose sum leaves what a number can hold', [0, 0, 2n ** 53n - 1n], [0, 0, 2n ** 53n - 1n]),
  triples('seek-of-63-bits', 'a seek of 2^63 - 1', [0, 0, int64Max], [targetBytes, 0, 0]),
  hostile('bspatch-negative-zero', 'a length that is zero with a sign: two spellings of one number', code, () => {
    const control = encodeTriples([[0, targetBytes, 0]]);
    control[7] = 0x80;
    return bsdiffBlob(
      new Bsdiff40Encoder()
        .control(control)
        .extra(targetContent)
        .finish({ targetBytes: BigInt(targetBytes) }),
    );
  }),
  bomb('bspatch-no-progress', 'a million control triples that make nothing: work without end', code, () =>
    bsdiffBlob(patchOf(new Uint8Array(24_000_000))),
  ),
  hostile('bspatch-no-progress-back-and-forth', 'triples that only seek, forwards and back', code, () =>
    bsdiffBlob(patchOf(encodeTriples(Array.from({ length: 2_000 }, (_, index) => [0, 0, index % 2 === 0 ? 9 : -9])))),
  ),
  hostile('bspatch-control-ends-early', 'a control stream that ends within a triple', code, () =>
    bsdiffBlob(patchOf(encodeTriples([[0, targetBytes, 0]]).subarray(0, 23), { copies: targetBytes })),
  ),
  hostile('bspatch-control-goes-on', 'a control stream that goes on behind a whole target', code, () =>
    bsdiffBlob(new Bsdiff40Encoder().triple(0, targetBytes, 0).triple(0, 0, 0).extra(targetContent).finish()),
  ),
  hostile('bspatch-short-diff', 'fewer diff bytes than the triples add', code, () =>
    bsdiffBlob(new Bsdiff40Encoder().triple(targetBytes, 0, 0).diff(new Uint8Array(10)).finish()),
  ),
  hostile('bspatch-short-extra', 'fewer extra bytes than the triples copy', code, () =>
    bsdiffBlob(new Bsdiff40Encoder().triple(0, targetBytes, 0).extra(new Uint8Array(10)).finish()),
  ),
  header('negative-control-bytes', 'CVE-2014-9862: a header whose control stream has less than no bytes', { controlBytes: -1n }),
  header('negative-diff-bytes', 'CVE-2014-9862: a header whose diff stream has less than no bytes', { diffBytes: -1n }),
  header('negative-target-bytes', 'CVE-2014-9862: a target of less than no bytes', { targetBytes: -1n }),
  header('huge-control-bytes', 'a control stream that reaches behind the patch', { controlBytes: 2n ** 40n }),
  header('overflowing-streams', 'stream lengths whose sum overflows', { controlBytes: int64Max, diffBytes: int64Max }),
  header('huge-target', 'a target of 2^62 bytes where 4,000 are signed: memory without end', { targetBytes: 2n ** 62n }),
  header('larger-target', 'a target that is a byte longer than what is signed', { targetBytes: BigInt(targetBytes) + 1n }),
  header('smaller-target', 'a target that is a byte shorter than what is signed', { targetBytes: BigInt(targetBytes) - 1n }),
  bytes('short-header', 'a patch that is shorter than its header', (patch) => patch.subarray(0, 31)),
  bytes('empty', 'no bytes at all, or hardly any', (patch) => patch.subarray(0, 1)),
  bytes('other-magic', 'a patch of another format', (patch) => joined([Buffer.from('ENDSLEY/BSDIFF43'), patch.subarray(16)])),
  bytes('torn', 'a patch that ends in its last stream', (patch) => patch.subarray(0, patch.length - 5)),
  hostile('bspatch-other-target', 'a sound patch to another target than the one that is signed', 'PATCH_TARGET_MISMATCH', () =>
    bsdiffBlob(new Bsdiff40Encoder().triple(0, targetBytes, 0).extra(new Uint8Array(targetBytes)).finish()),
  ),
  endless('control'),
  endless('diff'),
  endless('extra'),
];
