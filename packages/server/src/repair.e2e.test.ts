/** Repairs of real installs by a real server: what each damage costs on the wire, and that it is whole afterwards. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdir, open, readFile, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createUpdater, nodeHost, type Updater } from '@remendo/core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { newDataFolder, publishOk, removeFolder, startTestServer, type TestServer } from './testing/test-server.js';

const largeBytes = 8 * 1024 * 1024;
/** As the terminal cuts a file of that size; see core's `blockBytesFor`. */
const blockBytes = 8 * 1024;

let server: TestServer;
let folder: string;
let root: string;
let updater: Updater;
/** Of bodies, as they arrived. */
let receivedBytes: number;
let requests: string[];
let isDown = false;

/** Compresses to about half, like a program. */
function programBytes(seed: string, bytes: number): Buffer {
  const noise = Buffer.concat(
    Array.from({ length: Math.ceil(bytes / 64) }, (_, index) => createHash('sha256').update(`${seed} ${index}`).digest()),
  );
  const program = Buffer.alloc(bytes);
  for (let at = 0; at < bytes; at += 64) noise.copy(program, at, at / 2, at / 2 + 32);
  return program;
}

const large = programBytes('large', largeBytes);
const files: Readonly<Record<string, Buffer>> = {
  'large.dll': large,
  'lib/a.dll': programBytes('a', 300_000),
  'lib/b.dll': programBytes('b', 90_000),
  'docs/manual.txt': Buffer.from('read me\n'.repeat(400)),
  'empty.cfg': Buffer.alloc(0),
};

const at = (path: string): string => join(root, ...path.split('/'));

beforeAll(async () => {
  server = await startTestServer();
  folder = await newDataFolder();
  root = join(folder, 'erp');
  const parts = Object.entries(files).map(([path, bytes]) => ({ path, bytes }));
  await publishOk(server.url, { application: 'erp', version: '1.0.0', parts });
  const counting: typeof fetch = async (input, init) => {
    requests.push(new URL(input instanceof Request ? input.url : input).pathname);
    if (isDown) throw new TypeError('fetch failed');
    const answer = await fetch(input, init);
    const body = answer.body?.pipeThrough(
      new TransformStream<Uint8Array, Uint8Array>({
        transform(chunk, controller) {
          receivedBytes += chunk.length;
          controller.enqueue(chunk);
        },
      }),
    );
    return new Response(body ?? null, answer);
  };
  requests = [];
  updater = createUpdater({
    root,
    server: server.url,
    trust: { kind: 'signed', firstUse: true },
    application: 'erp',
    host: { ...nodeHost({ workers: 1 }), fetch: counting },
    http: { retries: { retriesMax: 0 } },
  });
  await updater.update();
});
afterAll(async () => {
  await updater?.close();
  await server?.stop();
  await removeFolder(folder);
});
beforeEach(() => {
  receivedBytes = 0;
  requests = [];
  isDown = false;
});

async function expectWhole(): Promise<void> {
  expect(await updater.verify()).toMatchObject({ intact: true, damaged: [] });
  for (const [path, bytes] of Object.entries(files)) expect((await readFile(at(path))).equals(bytes), path).toBe(true);
}

async function flip(path: string, offset: number): Promise<void> {
  const file = await open(at(path), 'r+');
  await file.write(Buffer.from([(files[path]?.[offset] ?? 0) ^ 0xff]), 0, 1, offset);
  await file.close();
}

describe('a repair', () => {
  it('asks nobody when nothing is damaged', async () => {
    expect(await updater.repair()).toMatchObject({ kind: 'intact', fetchedBytes: 0 });
    expect(requests).toEqual([]);
  });

  it('fetches less than three blocks for one flipped byte of a file of 8 MB, in one request', async () => {
    await flip('large.dll', 5_000_001);
    const report = await updater.repair();
    expect(report).toMatchObject({ kind: 'repaired', damaged: [{ path: 'large.dll', finding: 'changed' }] });
    expect(requests).toEqual(['/api/v1/updates/blocks']);
    expect(receivedBytes).toBe(report.fetchedBytes);
    expect(receivedBytes).toBeLessThan(3 * blockBytes);
    expect(report.sentBytes).toBe((largeBytes / blockBytes) * 8);
    await expectWhole();
  });

  it('fetches what is missing at the end of a truncated file, and cuts off what was appended', async () => {
    await truncate(at('large.dll'), largeBytes - 100_000);
    await writeFile(at('lib/a.dll'), randomBytes(4_000), { flag: 'a' });
    const report = await updater.repair();
    expect(report).toMatchObject({ kind: 'repaired' });
    expect(receivedBytes).toBeLessThan(100_000);
    await expectWhole();
  });

  it('puts in order files that are missing, empty, folders, links, and below folders that are gone or files', async () => {
    await rm(at('lib'), { recursive: true });
    await writeFile(at('lib'), 'a file of somebody');
    await rm(at('docs/manual.txt'));
    await mkdir(at('docs/manual.txt'));
    await writeFile(at('docs/manual.txt/notes.txt'), 'of the user');
    await rename(at('large.dll'), join(folder, 'elsewhere.dll'));
    await symlink(join(folder, 'elsewhere.dll'), at('large.dll'));
    const report = await updater.repair();
    expect(report).toMatchObject({ kind: 'repaired', left: [] });
    expect(report.movedAside.map(({ path }) => path).sort()).toEqual(['docs/manual.txt', 'large.dll']);
    expect(await readFile(at('docs/manual.txt.aside-1/notes.txt'), 'utf8')).toBe('of the user');
    await expectWhole();
    await rm(at('docs/manual.txt.aside-1'), { recursive: true });
    await rm(at('large.dll.aside-1'));
  });

  it('says what it would cost before, and does nothing when that is declined', async () => {
    await flip('large.dll', 17);
    await rm(at('docs/manual.txt'));
    const plans: unknown[] = [];
    const report = await updater.repair({ approve: (plan) => plans.push(plan) === 0 });
    expect(report.kind).toBe('declined');
    expect(plans).toMatchObject([{ version: '1.0.0', fetchBytes: expect.any(Number) }]);
    expect((plans[0] as { fetchBytes: number }).fetchBytes).toBeLessThan(blockBytes + 3_200);
    expect((await readFile(at('large.dll'))).equals(large)).toBe(false);
    expect(await updater.repair({ approve: () => true })).toMatchObject({ kind: 'repaired' });
    await expectWhole();
  });

  it('needs no server for what is on the machine under another name', async () => {
    await writeFile(at('large.dll.bak'), large);
    await flip('large.dll', 1);
    isDown = true;
    expect(await updater.repair()).toMatchObject({ kind: 'repaired', fetchedBytes: 0 });
    expect(requests).toEqual([]);
    await rm(at('large.dll.bak'));
    await expectWhole();
  });

  it('repairs what it can while the server is away, says what is left, and does the rest later', async () => {
    await writeFile(at('b.bak'), files['lib/b.dll'] ?? '');
    await flip('lib/b.dll', 5);
    await flip('large.dll', 5);
    isDown = true;
    const report = await updater.repair();
    expect(report).toMatchObject({ kind: 'partly-repaired', left: [{ path: 'large.dll', code: 'DOWNLOAD_FAILED' }] });
    expect((await updater.verify()).damaged.map(({ path }) => path)).toEqual(['large.dll']);
    await expect(updater.repair()).rejects.toMatchObject({ code: 'DOWNLOAD_FAILED' });
    isDown = false;
    await updater.repair();
    await rm(at('b.bak'));
    await expectWhole();
  });

  it('recognises an install that has lost everything it knew about itself, and repairs it all the same', async () => {
    for (const own of ['.remendo/state.json', '.remendo/manifest.json', 'version.txt', '.remendo/journal']) await rm(at(own));
    await flip('large.dll', 4_000_000);
    const report = await updater.repair();
    expect(report).toMatchObject({ kind: 'repaired', version: '1.0.0', identified: { matched: 3, asked: 4 } });
    expect(report.own).toEqual(['manifest.json', 'state.json', 'version.txt']);
    expect(await updater.status()).toMatchObject({ version: { version: '1.0.0' }, state: { application: 'erp' } });
    await expectWhole();
  });

  it('is refused blocks of what is no content of the release, or is not cut as it was said', async () => {
    const sha256 = createHash('sha256').update(large).digest('hex');
    const status = async (content: object): Promise<number> => {
      const body = { version: '1.0.0', contents: [{ sha256, block_bytes: blockBytes, digests: '', ...content }] };
      const answer = await server.post('/api/v1/updates/blocks?application=erp', body);
      await answer.body?.cancel();
      return answer.status;
    };
    expect(await status({})).toBe(200);
    for (const wrong of [
      { sha256: 'f'.repeat(64) },
      { block_bytes: 5_000 },
      { digests: 'AAAAAAA' },
      { digests: 'A'.repeat(8 * 1_025) },
    ])
      expect(await status(wrong)).toBe(400);
  });

  it('sets a journal aside that can not be read', async () => {
    await writeFile(at('.remendo/journal'), 'not a journal');
    await expect(updater.verify()).rejects.toMatchObject({ code: 'TRANSACTION_JOURNAL_INVALID' });
    await flip('lib/a.dll', 0);
    expect(await updater.repair()).toMatchObject({ kind: 'repaired' });
    await expectWhole();
  });
});
