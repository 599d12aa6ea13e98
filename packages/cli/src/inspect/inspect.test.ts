import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeDeltaFile, nodeFileSystem } from '@remendo/core';
import { beforeAll, describe, expect, it } from 'vitest';
import { exitCodes } from '../exit-codes.js';
import { runRemendo, temporaryFolders } from '../testing/run-remendo.js';
import { baseFiles, targetFiles, writeFiles, zipFolder } from '../testing/sample-releases.js';

const makeFolder = temporaryFolders();
let folder: string;
const at = (...names: readonly string[]): string => join(folder, ...names);

beforeAll(async () => {
  folder = await makeFolder();
  await writeFiles(at('base'), baseFiles);
  await writeFiles(at('target'), targetFiles);
});

/** Bytes of a BSDIFF40 header: a patch of this many bytes in each stream. */
function bsdiff40Header(control: number, diff: number, target: number): Buffer {
  const header = Buffer.alloc(32);
  header.write('BSDIFF40', 'latin1');
  [control, diff, target].forEach((value, index) => {
    header.writeBigInt64LE(BigInt(value), 8 + index * 8);
  });
  return header;
}

/** Of a delta, as far as it is looked at here. */
interface InspectedDelta {
  readonly patches: readonly {
    readonly decode_cost: number;
    readonly stored_bytes: number;
    readonly causes: Readonly<Record<string, number>>;
  }[];
  readonly files: readonly { readonly how: string; readonly patch: number | null; readonly stored_bytes: number }[];
}

/** Where the first patch begins. */
async function bodyOffsetOf(path: string): Promise<number> {
  const source = await nodeFileSystem().open(path, 'read');
  try {
    return (await decodeDeltaFile(source)).bodyOffset;
  } finally {
    await source.close();
  }
}

describe('remendo inspect', () => {
  it('prints a delta: where it leads and how each file is made', async () => {
    await runRemendo(['diff', at('base'), at('target'), '--out', at('a.delta'), '--application', 'erp', '--release', '1.0.1']);
    const ran = await runRemendo(['inspect', at('a.delta')]);
    expect(ran.code).toBe(0);
    expect(ran.stdout).toMatch(/target\s+erp 1\.0\.1 \(any\)/);
    expect(ran.stdout).toMatch(/patch 1\s+200 kB .* file 0 of the base/);
    expect(ran.stdout).toMatch(/the base\s+elsewhere\/moved\.bin/);
    const { files } = (await runRemendo(['inspect', at('a.delta'), '--json'])).json() as {
      files: { path: string | null; base_position: number | null; how: string }[];
    };
    expect(files.map((file) => `${file.how} ${file.path ?? file.base_position}`)).toEqual([
      'patch 0',
      'patch 5',
      'base data/copy.bin',
      'base elsewhere/moved.bin',
      'base empty too',
      'patch novidades/não.txt',
    ]);
  });

  it("prints a delta's patches: codec and profile, what decoding costs, and how many files come out of each", async () => {
    await runRemendo(['diff', at('base'), at('target'), '--out', at('patches.delta')]);
    const ran = await runRemendo(['inspect', at('patches.delta')]);
    expect(ran.stdout).toMatch(/1\s+remendo compact\s+2\s+3\s+201 kB .* < 0\.1 million/);
    expect(ran.stdout).toContain('≈ a share, by its size, of a patch with several contents');
    const { patches, files } = (await runRemendo(['inspect', at('patches.delta'), '--json'])).json() as unknown as InspectedDelta;
    const bytes = [targetFiles['bin/app.exe'], targetFiles['readme.txt'], targetFiles['novidades/não.txt']].reduce(
      (sum, content) => sum + (content?.length ?? 0),
      0,
    );
    expect(patches).toEqual([
      {
        codec: 'remendo',
        profile: 'compact',
        decode_cost: expect.any(Number),
        bases: 2,
        contents: 3,
        bytes,
        stored_bytes: expect.any(Number),
        causes: { header: expect.any(Number), transforms: 0, blocks: expect.any(Number), bytes: expect.any(Number) },
        transforms: [],
      },
    ]);
    const causes = Object.values(patches[0]?.causes ?? {});
    expect(causes.reduce((sum, part) => sum + part, 0)).toBe(patches[0]?.stored_bytes);
    expect(patches[0]?.decode_cost).toBeGreaterThan(0);
    const shares = files.filter(({ patch }) => patch === 0).map(({ stored_bytes }) => stored_bytes);
    expect(shares.reduce((sum, share) => sum + share, 0)).toBe(patches[0]?.stored_bytes);
    expect(files.filter(({ how }) => how === 'base').every(({ patch }) => patch === null)).toBe(true);
  });

  it('prints a delta with a patch of another format, and says nothing about that patch but its size', async () => {
    await runRemendo(['diff', at('base'), at('target'), '--out', at('known.delta')]);
    const bytes = await readFile(at('known.delta'));
    bytes[await bodyOffsetOf(at('known.delta'))] = 0xf0;
    await writeFile(at('unknown.delta'), bytes);
    const ran = await runRemendo(['inspect', at('unknown.delta'), '--json']);
    expect(ran.json().patches).toMatchObject([{ codec: 'remendo', profile: null, decode_cost: null, contents: 3, causes: null }]);
    expect((await runRemendo(['inspect', at('unknown.delta')])).stdout).not.toContain('million');
  });

  it('prints a zip', async () => {
    await zipFolder(at('base'), at('base.zip'));
    const ran = await runRemendo(['inspect', at('base.zip'), '--json']);
    expect(ran.json()).toMatchObject({ format: 'zip', files_bytes: 208_404 });
    expect((ran.json().files as unknown[]).length).toBe(6);
    expect((await runRemendo(['inspect', at('base.zip')])).stdout).toContain('bin/app.exe*');
  });

  it('prints the header of a BSDIFF40 patch', async () => {
    await writeFile(at('a.patch'), Buffer.concat([bsdiff40Header(3, 5, 1_000), Buffer.alloc(10)]));
    const ran = await runRemendo(['inspect', at('a.patch'), '--json']);
    expect(ran.json()).toEqual({
      format: 'bsdiff40',
      bytes: 42,
      target_bytes: 1_000,
      control_bytes: 3,
      diff_bytes: 5,
      extra_bytes: 2,
    });
  });

  it('prints long lists whole only when asked', async () => {
    const many = Object.fromEntries(Array.from({ length: 60 }, (_, index) => [`file-${index}.txt`, Buffer.from(`${index}`)]));
    await writeFiles(at('many'), many);
    await zipFolder(at('many'), at('many.zip'));
    expect((await runRemendo(['inspect', at('many.zip')])).stdout).toContain('… and 20 more rows (--all shows them)');
    expect((await runRemendo(['inspect', at('many.zip'), '--all'])).stdout).toContain('file-59.txt');
  });

  const hostile: readonly (readonly [string, Buffer, string])[] = [
    ['an empty file', Buffer.alloc(0), 'ARTIFACT_UNKNOWN'],
    ['something else', Buffer.from('MZ\u0090 this program cannot be run'), 'ARTIFACT_UNKNOWN'],
    ['a delta that ends after its magic', Buffer.from('RMDELTA1'), 'DELTA_INVALID'],
    ['a delta with an index longer than itself', Buffer.from('RMDELTA1\u00ff\u00ff\u00ff\u00ff\u000f', 'latin1'), 'DELTA_INVALID'],
    ['a patch that is shorter than its header', Buffer.from('BSDIFF40'), 'PATCH_INVALID'],
    ['a patch with a negative length', bsdiff40Header(-5, 0, 10), 'PATCH_INVALID'],
    ['a patch with streams longer than itself', bsdiff40Header(2 ** 40, 0, 10), 'PATCH_INVALID'],
    ['a zip without a directory', Buffer.from('PK\u0003\u0004 and nothing else'), 'ARTIFACT_INVALID'],
    ['a manifest that is not JSON', Buffer.from('{"format":'), 'MANIFEST_INVALID'],
    ['a manifest with another shape', Buffer.from('{"format":"remendo-manifest-1","files":{}}'), 'MANIFEST_INVALID'],
    ['a journal with a line that is no record', Buffer.from(`${'0'.repeat(16)} {"type":"begun"}\n`), 'TRANSACTION_JOURNAL_INVALID'],
  ];
  it.each(hostile)('%s is refused with a code', async (name, bytes, code) => {
    const path = at(`hostile ${name.replaceAll(' ', '-')}`);
    await writeFile(path, bytes);
    const ran = await runRemendo(['inspect', path, '--json']);
    expect(ran.events()).toMatchObject([{ event: 'error', code }]);
    expect(ran.code).toBeGreaterThanOrEqual(exitCodes.limit);
  });

  it('shows nothing of a file that could drive a terminal', async () => {
    const manifest = (await runRemendo(['manifest', at('base')])).stdout.replace('"app"', '"a\u001b[2Jp"');
    await writeFile(at('escape.json'), manifest);
    const ran = await runRemendo(['inspect', at('escape.json')]);
    expect(ran.stderr).toContain('MANIFEST_INVALID');
    expect(ran.stdout + ran.stderr).not.toContain('\u001b');
  });

  it.each(['nowhere', 'base'])('a path that is no file is wrong usage, and nothing to try again later: %s', async (name) => {
    const ran = await runRemendo(['inspect', at(name)]);
    expect(ran.code).toBe(exitCodes.usage);
    expect(ran.stderr).toContain(at(name));
    expect(ran.stderr).not.toContain('later');
  });
});
