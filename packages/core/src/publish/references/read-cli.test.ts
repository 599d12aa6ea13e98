import { describe, expect, it } from 'vitest';
import { heaps } from '../../patch/references/cli-schema.js';
import { applySample, makePatchOf } from '../../testing/remendo-samples.js';
import { buildAssembly, type SampleAssembly, sampleHeader, sampleSection } from '../../testing/sample-assembly.js';
import { seededRandom } from '../../testing/seeded-random.js';
import { readCli } from './read-cli.js';

const seed = Number(process.env.REMENDO_TEST_SEED ?? 20);

/** Every method calls some of the members; of those, the extra ones lie among the others. */
function sampleOf(extra: readonly string[]): SampleAssembly {
  const random = seededRandom(seed);
  const nameOf = (kind: string, index: number): string =>
    `${kind}${index}${random()
      .toString(36)
      .slice(2, 2 + random() * 12)}`;
  const names = Array.from({ length: 300 }, (_, index) => nameOf('Member', index));
  const methods = Array.from({ length: 400 }, (_, index) => ({
    name: nameOf('Method', index),
    calls: Array.from({ length: 1 + Math.floor(random() * 12) }, () => names[Math.floor(random() * names.length)] as string),
  }));
  const members = extra.reduce<readonly string[]>((some, name, index) => some.toSpliced(index * 29 + 3, 0, name), names);
  return { members, methods };
}

const read = (file: Uint8Array) => {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  return readCli(view, [{ ...sampleSection, bytes: file.length - sampleSection.address }], sampleHeader);
};

describe(`the metadata of a .NET program (seed ${seed})`, () => {
  it('says where the rows of its tables and its heaps lie', () => {
    const file = buildAssembly({ members: ['Write', 'Read'], methods: [{ name: 'Main', calls: ['Read'] }] });
    const spaces = read(file)?.cli.spaces;
    const offsetOf = (space: number) => (spaces?.get(space)?.memory as number) - sampleSection.memory + sampleSection.address;
    const view = new DataView(file.buffer);
    expect(spaces?.get(0x0a)).toMatchObject({ first: 1, count: 2, stride: 6 });
    const name = view.getUint16(offsetOf(0x0a) + 6 + 2, true);
    const at = offsetOf(heaps.strings) + name;
    expect(Buffer.from(file.subarray(at, at + 5)).toString()).toBe('Read\0');
  });

  it('is read from damaged files too, or not, but nothing else happens', () => {
    const file = buildAssembly(sampleOf([]));
    const metadataEnd = file.length;
    const random = seededRandom(seed);
    for (let round = 0; round < 2_000; round++) {
      const damaged = file.slice(0, round % 2 === 0 ? metadataEnd : Math.floor(random() * metadataEnd));
      // Where numbers are that lead to others: the program's header, and the metadata's, after the code.
      const start = round % 3 === 0 ? sampleSection.address : damaged.length - Math.min(damaged.length, 24_000);
      for (let count = 0; count < 8; count++) damaged[start + Math.floor(random() * 200)] = Math.floor(random() * 256);
      try {
        read(damaged);
      } catch (error) {
        expect(error, `round ${round}`).toBeInstanceOf(RangeError);
      }
    }
  });

  it('makes a patch small where some members more change the numbers of all others', async () => {
    const extra = Array.from({ length: 10 }, (_, index) => `Extra${index}`);
    const files = { bases: [buildAssembly(sampleOf([]))], targets: [buildAssembly(sampleOf(extra))] };
    const unseen = { bases: files.bases.map(hidden), targets: files.targets.map(hidden) };
    for (const profile of ['compact', 'fast'] as const) {
      const patch = makePatchOf(files, profile);
      expect(patch.length).toBeLessThan(makePatchOf(unseen, profile).length / 2);
      expect(await applySample(patch, files)).toEqual(files.targets);
    }
  });
});

/** The same, but no program any more. */
const hidden = (file: Uint8Array): Uint8Array => file.slice().fill(0, 0, 2);
