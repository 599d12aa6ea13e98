/**
 * Streams of real compressors, by their digests in fixtures/golden/deflate-v1. They are made anew, where python3 with
 * vanilla zlib, gzip and Info-ZIP's zip are installed and Node has Chromium's zlib, by
 *
 *     REMENDO_GOLDEN=write npx vitest run packages/core/src/patch/deflate/deflate-v1.golden.test.ts
 */
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateRawSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { digestOf } from '../../hash/digest.js';
import { deflateSamples } from '../../testing/deflate-samples.js';
import { type DeflateParameters, type DeflateVariant, deflateVariants, giveBackDeflater, takeDeflater } from './deflater.js';

const file = new URL('../../../../../fixtures/golden/deflate-v1/streams.json', import.meta.url);
/** Of a sample's name, and of "variant level/memLevel": the stream's length and the start of its digest. */
type Golden = Record<string, Record<string, string>>;

const samples = deflateSamples();
const levels = [1, 2, 3, 4, 5, 6, 7, 8, 9];
const all: readonly DeflateParameters[] = [
  ...[8, 9, 1].flatMap((memLevel) => levels.map((level) => ({ variant: 'zlib', level, memLevel }) as const)),
  ...[8, 9, 1].flatMap((memLevel) => levels.map((level) => ({ variant: 'chromium', level, memLevel }) as const)),
  ...levels.map((level) => ({ variant: 'filtered', level, memLevel: 8 }) as const),
  ...levels.map((level) => ({ variant: 'gzip', level, memLevel: 8 }) as const),
  ...levels.map((level) => ({ variant: 'zip', level, memLevel: 8 }) as const),
];
const keyOf = ({ variant, level, memLevel }: DeflateParameters): string => `${variant} ${level}/${memLevel}`;
const markOf = (stream: Uint8Array): string => `${stream.length} ${digestOf(stream).slice(0, 16)}`;

const pythonDeflate = `import sys, zlib
stream = zlib.compressobj(int(sys.argv[1]), 8, -15, int(sys.argv[2]), int(sys.argv[4]))
sys.stdout.buffer.write(stream.compress(open(sys.argv[3], 'rb').read()) + stream.flush())`;

const run = (command: string, args: readonly string[]): Buffer => execFileSync(command, args, { maxBuffer: 2 ** 26 });

/** How each variant's own compressor makes the stream; null where it stores the file instead. */
const compressors: Record<DeflateVariant, (path: string, parameters: DeflateParameters) => Promise<Uint8Array | null>> = {
  zlib: async (path, { level, memLevel }) => run('python3', ['-c', pythonDeflate, `${level}`, `${memLevel}`, path, '0']),
  filtered: async (path, { level, memLevel }) => run('python3', ['-c', pythonDeflate, `${level}`, `${memLevel}`, path, '1']),
  chromium: async (path, { level, memLevel }) => deflateRawSync(await readFile(path), { level, memLevel }),
  gzip: async (path, { level }) => run('gzip', ['-nc', `-${level}`, path]).subarray(10, -8),
  zip: async (path, { level }) => {
    run('zip', ['-qjX', `-${level}`, `${path}.zip`, path]);
    const zip = await readFile(`${path}.zip`);
    await rm(`${path}.zip`);
    const start = 30 + zip.readUInt16LE(26) + zip.readUInt16LE(28);
    return zip.readUInt16LE(8) === 8 ? zip.subarray(start, start + zip.readUInt32LE(18)) : null;
  },
};

async function writeGolden(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'remendo-deflate-'));
  const golden: Golden = {};
  for (const { name, plain } of samples) {
    const path = join(folder, 'plain');
    await writeFile(path, plain);
    const marks: Record<string, string> = {};
    for (const parameters of all) {
      const stream = await compressors[parameters.variant](path, parameters);
      if (stream !== null) marks[keyOf(parameters)] = markOf(stream);
    }
    golden[name] = marks;
  }
  await rm(folder, { recursive: true });
  await mkdir(new URL('.', file), { recursive: true });
  await writeFile(file, `${JSON.stringify(golden, null, 1)}\n`);
}

if (process.env.REMENDO_GOLDEN === 'write') await writeGolden();
const golden = JSON.parse(await readFile(file, 'utf8')) as Golden;

function made(plain: Uint8Array, parameters: DeflateParameters, writeBytes: number): Uint8Array {
  const deflater = takeDeflater();
  deflater.open(parameters, null);
  const parts: Uint8Array[] = [];
  for (let at = 0; at < plain.length; at += writeBytes) {
    for (const part of deflater.write(plain.subarray(at, at + writeBytes))) parts.push(part.slice());
  }
  for (const part of deflater.end()) parts.push(part.slice());
  giveBackDeflater(deflater);
  return Buffer.concat(parts);
}

describe.each(samples)('deflate streams of $name', ({ name, plain }) => {
  it.each(deflateVariants)('come out as %s makes them, at every level', (variant) => {
    const wanted = all.filter((parameters) => parameters.variant === variant && golden[name]?.[keyOf(parameters)] !== undefined);
    const marks = wanted.map((parameters) => [keyOf(parameters), markOf(made(plain, parameters, 65_536))]);
    expect(Object.fromEntries(marks)).toEqual(
      Object.fromEntries(wanted.map((parameters) => [keyOf(parameters), golden[name]?.[keyOf(parameters)]])),
    );
  });

  it('are the same in whatever pieces the plain bytes come', () => {
    const parameters = { variant: 'zlib', level: 6, memLevel: 8 } as const;
    for (const bytes of [977, 40_000, 300_000])
      expect(markOf(made(plain, parameters, bytes))).toBe(golden[name]?.[keyOf(parameters)]);
  });
});
