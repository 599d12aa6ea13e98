/**
 * Files for golden patches, always the same: each a few lines of code and a seed. Together they lead through all of the
 * coder: text, records and programs, long calm runs, long matches, far and near references, several files, no base.
 */
import { gzipOf, pngOf, zipOf } from './container-samples.js';
import { joined, type SampleFiles } from './remendo-samples.js';
import { buildAssembly } from './sample-assembly.js';
import { sampleRelease } from './sample-programs.js';
import { seededRandom } from './seeded-random.js';

export interface GoldenSample extends SampleFiles {
  readonly name: string;
  /** Whether its patch sees through containers (default false). */
  readonly isContained?: boolean;
}

export function goldenSamples(): readonly GoldenSample[] {
  const text = textOf(words(11), 60_000, 12);
  const program = programOf(40_000, 31);
  const rows = recordsOf(6_000, 51);
  return [
    { name: 'empty', bases: [], targets: [new Uint8Array()] },
    { name: 'equal', bases: [program], targets: [program] },
    { name: 'text', bases: [text], targets: [withSentences(text, 13)] },
    { name: 'text-alone', bases: [], targets: [textOf(words(14), 20_000, 15)] },
    { name: 'records', bases: [rows], targets: [joined([rows, recordsOf(300, 52)])] },
    { name: 'program', bases: [program], targets: [relinked(program, 32)] },
    { name: 'calm', bases: [joined([program, text, rows])], targets: [joined([program, text, rows]).map(rarelyWrong(61))] },
    { name: 'periodic', bases: [], targets: [periodic(1, 90_000), periodic(300, 90_000), periodic(70_000, 300_000)] },
    {
      name: 'several',
      bases: [text, rows, program],
      targets: [relinked(program, 71), withSentences(text, 72), withSentences(text, 73)],
    },
    { name: 'programs', ...programs() },
    { name: 'containers', isContained: true, ...containers(text, rows, program) },
  ];
}

/** What knows references: x86 code of 32 and 64 bits with what tells of it, and an assembly. */
function programs(): SampleFiles {
  const releases = (['pe32', 'pe64', 'elf64'] as const).map((machine) => sampleRelease(machine, 150));
  const members = Array.from({ length: 80 }, (_, index) => `member${index}`);
  const methods = Array.from({ length: 120 }, (_, index) => ({
    name: `method${index}`,
    calls: [1, 7, 31].map((step) => `member${(index * step) % 80}`),
  }));
  const assemblies = {
    base: buildAssembly({ members, methods }),
    target: buildAssembly({ members: ['another', ...members], methods: [{ name: 'more', calls: ['another'] }, ...methods] }),
  };
  return {
    bases: [...releases.map(({ base }) => base), assemblies.base],
    targets: [...releases.map(({ target }) => target), assemblies.target],
  };
}

/** A zip with a zip in a gzip file in it, and a PNG; most of it changed. */
function containers(text: Uint8Array, rows: Uint8Array, program: Uint8Array): SampleFiles {
  const png = (pixels: Uint8Array): Uint8Array =>
    pngOf(pixels.subarray(0, 30_000), 4_096, { variant: 'zlib', level: 9, memLevel: 9 });
  const inner = (contents: readonly Uint8Array[]) => zipOf(contents.map((content, index) => ({ name: `inner-${index}`, content })));
  const outer = (parts: readonly Uint8Array[], innerParts: readonly Uint8Array[]) =>
    zipOf(
      [...parts, gzipOf(inner(innerParts), { variant: 'gzip', level: 6, memLevel: 8 })].map((content, index) => ({
        name: `outer-${index}`,
        content,
        descriptor: index === 1,
      })),
    );
  return {
    bases: [outer([program, text], [rows, text.subarray(0, 9_000)]), png(rows)],
    targets: [
      outer([program, withSentences(text, 81)], [rows, withSentences(text.subarray(0, 9_000), 82)]),
      png(rows.map(rarelyWrong(83))),
    ],
  };
}

type Random = () => number;
const below = (random: Random, end: number): number => Math.floor(random() * end);

function words(seed: number): readonly string[] {
  const random = seededRandom(seed);
  const letters = 'eeettaaoinshrdlcumwfgypbvk';
  return Array.from({ length: 400 }, () =>
    Array.from({ length: 2 + below(random, 8) }, () => letters[below(random, letters.length)]).join(''),
  );
}

function textOf(vocabulary: readonly string[], bytes: number, seed: number): Uint8Array {
  const random = seededRandom(seed);
  let text = '';
  // Squared: words at the front come often.
  while (text.length < bytes) {
    const word = vocabulary[Math.floor(random() * random() * vocabulary.length)] ?? '';
    text += below(random, 12) === 0 ? `${word}.\n` : `${word} `;
  }
  return new TextEncoder().encode(text.slice(0, bytes));
}

/** The text with parts left out, changed, repeated, and some new ones. */
function withSentences(text: Uint8Array, seed: number): Uint8Array {
  const random = seededRandom(seed);
  const vocabulary = words(seed);
  const parts: Uint8Array[] = [];
  for (let at = 0; at < text.length; ) {
    const part = text.slice(at, at + 200 + below(random, 6_000));
    at += part.length + (below(random, 4) === 0 ? below(random, 300) : 0);
    if (below(random, 3) === 0) part[below(random, part.length)] = 63;
    parts.push(part, textOf(vocabulary, below(random, 90), seed + at));
    if (below(random, 6) === 0) parts.push(text.subarray(below(random, at), at));
  }
  return joined(parts);
}

/** Instructions: some opcodes, and after a few of them an address of four bytes. */
function programOf(instructions: number, seed: number): Uint8Array {
  const random = seededRandom(seed);
  const bytes = new Uint8Array(instructions * 5);
  const view = new DataView(bytes.buffer);
  let length = 0;
  for (let count = 0; count < instructions; count++) {
    const opcode = Math.floor(random() * random() * 60);
    bytes[length++] = opcode;
    if (opcode % 5 !== 1) continue;
    view.setUint32(length, 0x401000 + below(random, 4_000) * 16, true);
    length += 4;
  }
  return bytes.slice(0, length);
}

/** Something is put in here and there, and addresses behind it move. */
function relinked(program: Uint8Array, seed: number): Uint8Array {
  const random = seededRandom(seed);
  const moved = program.slice();
  const view = new DataView(moved.buffer);
  for (let at = 0; at + 4 <= moved.length; at++) {
    const address = view.getUint32(at, true);
    if (address < 0x408000 || address >= 0x401000 + 64_000) continue;
    view.setUint32(at, address + 0x40, true);
    at += 3;
  }
  const cuts = Array.from({ length: 6 }, () => below(random, moved.length)).sort((a, b) => a - b);
  const parts = cuts.map((cut, index) => moved.subarray(cuts[index - 1] ?? 0, cut));
  return joined([...parts.flatMap((part, index) => [part, programOf(10 + index * 4, seed + index)]), moved.subarray(cuts.at(-1))]);
}

function recordsOf(rows: number, seed: number): Uint8Array {
  const random = seededRandom(seed);
  const bytes = new Uint8Array(rows * 24);
  const view = new DataView(bytes.buffer);
  for (let row = 0; row < rows; row++) {
    view.setUint32(row * 24, row);
    view.setUint16(row * 24 + 4, below(random, 40) * 10);
    view.setUint32(row * 24 + 8, 1_600_000_000 + row * 86_400 + below(random, 3_600));
    bytes[row * 24 + 20] = below(random, 4);
  }
  return bytes;
}

function rarelyWrong(seed: number): (byte: number) => number {
  const random = seededRandom(seed);
  return (byte) => (below(random, 9_000) === 0 ? byte + below(random, 256) : byte);
}

function periodic(period: number, bytes: number): Uint8Array {
  const random = seededRandom(period);
  const unit = Uint8Array.from({ length: period }, (_, index) => (period > 1_000 ? index >> 5 : below(random, 256)));
  return Uint8Array.from({ length: bytes }, (_, index) => unit[index % period] as number);
}
