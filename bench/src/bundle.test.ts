import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'remendo-bundle-'));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

async function bundle(entry: string, outfile: string): Promise<void> {
  const contents = { contents: entry, resolveDir: dirname(fileURLToPath(import.meta.url)), loader: 'js' as const };
  await build({
    stdin: contents,
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node20',
    format: 'cjs',
    // Publishing needs the native package; a terminal's program leaves it out.
    external: ['bsdiff-node'],
    logOverride: { 'empty-import-meta': 'silent' },
  });
}

/** Decodes a whole content in a worker whose program is text: what a single executable does with an asset. */
const program = (worker: string): string => `
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

describe('the terminal library', () => {
  it('works as one CommonJS file that carries its worker as text, away from every package', async () => {
    const workerFile = join(folder, 'worker.cjs');
    await bundle("import '@remendo/core/derive-worker';", workerFile);
    const mainFile = join(folder, 'main.cjs');
    await bundle(program(await readFile(workerFile, 'utf8')), mainFile);
    await rm(workerFile);
    await writeFile(join(folder, 'package.json'), '{}');
    const { stdout } = await promisify(execFile)(process.execPath, [mainFile, 'blob', 'target'], { cwd: folder });
    expect(stdout.trim()).toBe('exact');
  });
});
