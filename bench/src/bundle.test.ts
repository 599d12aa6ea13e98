import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createGnupg, lacksGpg } from '@remendo/core/testing';
import { type BuildOptions, build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'remendo-bundle-'));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

async function bundle(entry: string, outfile: string, more: BuildOptions = {}): Promise<void> {
  const contents = { contents: entry, resolveDir: dirname(fileURLToPath(import.meta.url)), loader: 'js' as const };
  await build({
    stdin: contents,
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    // The native package is never in a bundle; without it there are no bsdiff40 patches.
    external: ['bsdiff-node'],
    logOverride: { 'empty-import-meta': 'silent' },
    ...more,
  });
}

/** Decodes a whole content in a worker whose program is text: what a single executable does with an asset. */
const terminalProgram = (worker: string): string => `
  import { createHash } from 'node:crypto';
  import { readFileSync, writeFileSync } from 'node:fs';
  import { brotliCompressSync } from 'node:zlib';
  import { nodeHost, textWorkerLoader } from '@remendo/core';
  const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');
  const content = Buffer.from('what the terminal should have '.repeat(1000));
  const blob = brotliCompressSync(content);
  const [blobPath, targetPath] = process.argv.slice(2);
  writeFileSync(blobPath, blob);
  const host = nodeHost({ workers: 1, workerLoader: textWorkerLoader(${JSON.stringify(worker)}) });
  void derive(host);
  async function derive({ deriver }) {
    await deriver.derive({
      how: { kind: 'whole', encoding: 'brotli' },
      blob: { path: blobPath, offset: 0, bytes: blob.length, sha256: sha256(blob) },
      bases: [],
      targets: [{ path: targetPath, bytes: content.length, sha256: sha256(content) }],
    });
    await deriver.close();
    console.log(readFileSync(targetPath).equals(content) ? 'exact' : 'different');
  }
`;

/** Makes a patch in a worker whose program is text; the maker applies and compares it before it says that it is made. */
const publisherProgram = (worker: string): string => `
  import { statSync, writeFileSync } from 'node:fs';
  import { textWorkerLoader } from '@remendo/core';
  import { remendoPatchMaker } from '@remendo/core/publish';
  const [base, target, patch] = process.argv.slice(2);
  writeFileSync(base, 'what the terminal has '.repeat(1000));
  writeFileSync(target, 'what the terminal has '.repeat(700) + 'what it should have '.repeat(300));
  const maker = remendoPatchMaker({ workers: 1, loader: textWorkerLoader(${JSON.stringify(worker)}) });
  void maker.make({ basePaths: [base], targetPaths: [target], patchPath: patch }).then(() => {
    console.log(statSync(patch).size < 200 ? 'small' : 'large');
  });
`;

/** What a program prints that is one CommonJS file with its worker in it, in a folder with nothing else. */
async function runBundled(worker: string, program: (worker: string) => string, files: readonly string[]): Promise<string> {
  const workerFile = join(folder, 'worker.cjs');
  await bundle(`import '@remendo/core/${worker}';`, workerFile);
  const mainFile = join(folder, 'main.cjs');
  await bundle(program(await readFile(workerFile, 'utf8')), mainFile);
  await rm(workerFile);
  await writeFile(join(folder, 'package.json'), '{}');
  return (await promisify(execFile)(process.execPath, [mainFile, ...files], { cwd: folder })).stdout.trim();
}

/** What OpenPGP.js asks when it is loaded, and a CommonJS file does not say by itself: where the program lies. */
const ownUrl: BuildOptions = {
  define: { 'import.meta.url': 'ownUrl' },
  banner: { js: "const ownUrl = require('node:url').pathToFileURL(__filename).href;" },
};

const signatureProgram = `
  import { readFileSync } from 'node:fs';
  import { nodeFileSystem, verifyOpenPgpSignature } from '@remendo/core';
  const [zip, signature, keys] = process.argv.slice(2);
  void verify();
  async function verify() {
    const check = { zip: await nodeFileSystem().open(zip, 'read'), signature: readFileSync(signature), keys: readFileSync(keys) };
    console.log((await verifyOpenPgpSignature({ ...check, now: Date.now() })).userIds.join());
  }
`;

describe('the library as one CommonJS file that carries its worker as text, away from every package', () => {
  it('makes contents on a terminal', async () => {
    expect(await runBundled('derive-worker', terminalProgram, ['blob', 'target'])).toBe('exact');
  });

  it('makes patches on a publisher', async () => {
    expect(await runBundled('make-patch-worker', publisherProgram, ['base', 'target', 'patch'])).toBe('small');
  });

  it.skipIf(lacksGpg)('verifies OpenPGP signatures, when the bundler says where it lies', async () => {
    const gpg = createGnupg();
    gpg.newKey('anna');
    const zip = Buffer.from('a zip');
    const files = { 'a.zip': zip, 'a.sig': gpg.sign(zip, ['anna']), 'anna.asc': gpg.exportKeys('anna') };
    gpg.close();
    for (const [name, bytes] of Object.entries(files)) await writeFile(join(folder, name), bytes);
    await bundle(signatureProgram, join(folder, 'verify.cjs'), ownUrl);
    const { stdout } = await promisify(execFile)(process.execPath, ['verify.cjs', ...Object.keys(files)], { cwd: folder });
    expect(stdout.trim()).toBe('anna <anna@example.com>');
  });
});
