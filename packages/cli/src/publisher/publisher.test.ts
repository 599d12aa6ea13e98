import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseManifest } from '@remendo/core';
import { beforeAll, describe, expect, it } from 'vitest';
import { exitCodes } from '../exit-codes.js';
import { runRemendo, temporaryFolders } from '../testing/run-remendo.js';
import { baseFiles, readTree, targetFiles, writeFiles, zipFolder } from '../testing/sample-releases.js';

const makeFolder = temporaryFolders();
let folder: string;
const at = (...names: readonly string[]): string => join(folder, ...names);

beforeAll(async () => {
  folder = await makeFolder();
  await writeFiles(at('base'), baseFiles);
  await writeFiles(at('target'), targetFiles);
  await zipFolder(at('base'), at('base.zip'));
  await zipFolder(at('target'), at('target.zip'));
});

describe('remendo manifest', () => {
  it('prints canonical bytes whose digest is the manifest digest', async () => {
    const ran = await runRemendo(['manifest', at('target'), '--application', 'erp', '--release', '1.0.1']);
    expect(ran.code).toBe(0);
    const manifest = parseManifest(Buffer.from(ran.stdout));
    expect(manifest).toMatchObject({ application: 'erp', version: '1.0.1', platform: 'any' });
    expect(manifest.files.map((file) => file.path)).toEqual(Object.keys(targetFiles).sort());
    expect(ran.stderr).toContain(createHash('sha256').update(ran.stdout).digest('hex'));
  });

  it('says the same of a folder and of its zip, and leaves version.txt out', async () => {
    await writeFiles(at('versioned'), { ...baseFiles, 'version.txt': Buffer.from('\ufeffv2.3.4\r\n') });
    const [plain, versioned, zipped] = await Promise.all([
      runRemendo(['manifest', at('base'), '--release', '2.3.4']),
      runRemendo(['manifest', at('versioned')]),
      runRemendo(['manifest', at('base.zip'), '--release', '2.3.4']),
    ]);
    expect(versioned.stdout).toBe(plain.stdout);
    expect(zipped.stdout).toBe(plain.stdout);
  });

  it('writes a file that inspect reads', async () => {
    const ran = await runRemendo(['manifest', at('base'), '--out', at('made', 'manifest.json'), '--json']);
    expect(ran.json()).toMatchObject({ files: 6 });
    const inspected = await runRemendo(['inspect', at('made', 'manifest.json'), '--json']);
    expect(inspected.json()).toMatchObject({ format: 'manifest', digest: ran.json().digest });
  });
});

describe('remendo diff and apply', () => {
  const forms = [
    ['base', 'target', 'base'],
    ['base.zip', 'target.zip', 'base'],
    ['base', 'target.zip', 'base.zip'],
  ] as const;
  it.each(forms)('a delta from %s to %s applies to %s', async (base, target, applied) => {
    const name = `${base}-${target}`;
    const diff = await runRemendo(['diff', at(base), at(target), '--out', at(`${name}.delta`), '--json']);
    expect(diff.code).toBe(0);
    expect(diff.json()).toMatchObject({ target: { files: 8 }, notices: [] });
    expect(diff.json().bytes).toBe((await readFile(at(`${name}.delta`))).length);
    expect(diff.json().bytes).toBeLessThan(5_000);
    const apply = await runRemendo(['apply', at(applied), at(`${name}.delta`), '--out', at(`${name}-out`), '--json']);
    expect(apply.code).toBe(0);
    expect(apply.json()).toMatchObject({ files: 8 });
    expect(await readTree(at(`${name}-out`))).toEqual(await readTree(at('target')));
  });

  it('two single files are versions of one file, whatever they are called', async () => {
    await writeFiles(at('files'), {
      'one.exe': baseFiles['bin/app.exe'] as Uint8Array,
      'renamed.exe': baseFiles['bin/app.exe'] as Uint8Array,
      'two.exe': targetFiles['bin/app.exe'] as Uint8Array,
    });
    const diff = await runRemendo(['diff', at('files', 'one.exe'), at('files', 'two.exe'), '--out', at('file.delta'), '--json']);
    expect(diff.json()).toMatchObject({ files: [{ path: 'two.exe', how: 'patch' }] });
    expect((await runRemendo(['apply', at('files', 'renamed.exe'), at('file.delta'), '--out', at('file-out')])).code).toBe(0);
    expect(await readFile(at('file-out', 'two.exe'))).toEqual(await readFile(at('files', 'two.exe')));
  });

  it('the same file twice makes a delta that gives it back', async () => {
    expect((await runRemendo(['diff', at('base', 'readme.txt'), at('base', 'readme.txt'), '--out', at('same.delta')])).code).toBe(
      0,
    );
    expect((await runRemendo(['apply', at('base', 'readme.txt'), at('same.delta'), '--out', at('same-out')])).code).toBe(0);
    expect(await readFile(at('same-out', 'readme.txt'))).toEqual(await readFile(at('base', 'readme.txt')));
  });

  it('the same input makes the same delta', async () => {
    for (const name of ['a.delta', 'b.delta']) await runRemendo(['diff', at('base'), at('target'), '--out', at(name)]);
    expect(await readFile(at('a.delta'))).toEqual(await readFile(at('b.delta')));
  });

  it('--profile fast makes other patches to the same target, compact being the default', async () => {
    for (const profile of ['compact', 'fast']) {
      const args = ['diff', at('base'), at('target'), '--out', at(`${profile}.delta`), '--profile', profile];
      expect((await runRemendo(args)).code).toBe(0);
      const { patches } = (await runRemendo(['inspect', at(`${profile}.delta`), '--json'])).json();
      expect(patches).toMatchObject([{ codec: 'remendo', profile }]);
      expect((await runRemendo(['apply', at('base'), at(`${profile}.delta`), '--out', at(`${profile}-out`)])).code).toBe(0);
      expect(await readTree(at(`${profile}-out`))).toEqual(await readTree(at('target')));
    }
    await runRemendo(['diff', at('base'), at('target'), '--out', at('default.delta')]);
    expect(await readFile(at('default.delta'))).toEqual(await readFile(at('compact.delta')));
  });

  it.each(['bsdiff40', 'whole'])('a profile for --codec %s is wrong usage, and nothing is done', async (codec) => {
    const out = at(`no-${codec}.delta`);
    const how = ['--codec', codec, '--profile', 'fast'];
    for (const args of [
      ['diff', at('base'), at('target'), '--out', out],
      ['bench', at('base'), at('target')],
    ]) {
      const ran = await runRemendo([...args, ...how]);
      expect(ran.code).toBe(exitCodes.usage);
      expect(ran.stderr).toContain(`--profile belongs to --codec remendo; --codec ${codec} has no profiles`);
    }
    await expect(readFile(out)).rejects.toThrow('ENOENT');
  });

  it('--codec whole makes no patches', async () => {
    const diff = await runRemendo(['diff', at('base'), at('target'), '--out', at('whole.delta'), '--codec', 'whole', '--json']);
    const { files } = diff.json() as { files: { how: string }[] };
    expect(files.some((file) => file.how === 'patch')).toBe(false);
    expect((await runRemendo(['apply', at('base'), at('whole.delta'), '--out', at('whole-out')])).code).toBe(0);
    expect(await readTree(at('whole-out'))).toEqual(await readTree(at('target')));
  });

  it('without bsdiff-node contents go whole and a warning says why', async () => {
    const resolve =
      "export const resolve = (name, context, next) => { if (name === 'bsdiff-node') throw new Error('not compiled'); return next(name, context); };";
    const register = `import { register } from 'node:module'; register('data:text/javascript,${encodeURIComponent(resolve).replaceAll("'", '%27')}');`;
    const nodeArgs = ['--import', `data:text/javascript,${encodeURIComponent(register)}`];
    const args = ['diff', at('base'), at('target'), '--codec', 'bsdiff40', '--out', at('unpatched.delta')];
    // As it is built: the packed command asks for it in a way that this does not reach.
    const command = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
    const diff = await runRemendo(args, { nodeArgs, command });
    expect(diff.code).toBe(0);
    expect(diff.stderr).toMatch(/warning: bsdiff-node is not there/);
    expect((await runRemendo(['apply', at('base'), at('unpatched.delta'), '--out', at('unpatched-out')])).code).toBe(0);
  });

  it('a wrong base is refused and leaves nothing behind', async () => {
    await runRemendo(['diff', at('base'), at('target'), '--out', at('right.delta')]);
    const before = await readdir(folder);
    const ran = await runRemendo(['apply', at('target'), at('right.delta'), '--out', at('wrong-out'), '--json']);
    expect(ran.code).toBe(exitCodes.delta);
    expect(ran.events()).toMatchObject([{ event: 'error', code: 'DELTA_BASE_MISMATCH', details: { path: at('target') } }]);
    expect(await readdir(folder)).toEqual(before);
  });

  it('a folder that holds something is not touched', async () => {
    await writeFiles(at('occupied'), { 'mine.txt': Buffer.from('mine') });
    await runRemendo(['diff', at('base'), at('target'), '--out', at('any.delta')]);
    const ran = await runRemendo(['apply', at('base'), at('any.delta'), '--out', at('occupied')]);
    expect(ran.code).toBe(exitCodes.usage);
    expect(await readdir(at('occupied'))).toEqual(['mine.txt']);
    await mkdir(at('vacant'));
    expect((await runRemendo(['apply', at('base'), at('any.delta'), '--out', at('vacant')])).code).toBe(0);
  });

  it('a delta with any bit changed or cut off is refused with a code, and nothing appears', async () => {
    await runRemendo(['diff', at('base'), at('target'), '--out', at('whole-bits.delta')]);
    const bytes = await readFile(at('whole-bits.delta'));
    const damaged = [
      Buffer.from(bytes.subarray(0, bytes.length - 1)),
      Buffer.concat([bytes, Buffer.from('x')]),
      Buffer.from(bytes.subarray(0, 20)),
      ...[9, 60, 200, bytes.length - 3].map((offset) => flipped(bytes, offset)),
    ];
    const ran = await Promise.all(
      damaged.map(async (delta, index) => {
        await writeFile(at(`damaged-${index}.delta`), delta);
        return runRemendo(['apply', at('base'), at(`damaged-${index}.delta`), '--out', at(`damaged-${index}-out`)]);
      }),
    );
    for (const { code, stderr } of ran) {
      expect([exitCodes.delta, exitCodes.download, exitCodes.patch]).toContain(code);
      expect(stderr).toMatch(/error (DELTA|DOWNLOAD|PATCH)_[A-Z_]+: /);
    }
    expect((await readdir(folder)).filter((name) => name.startsWith('damaged') && !name.endsWith('.delta'))).toEqual([]);
  });
});

function flipped(bytes: Uint8Array, offset: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[offset] = (copy[offset] ?? 0) ^ 0x10;
  return copy;
}
