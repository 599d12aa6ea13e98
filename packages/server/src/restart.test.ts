/** The program itself: killed, started again, started twice. */
import { once } from 'node:events';
import { afterAll, describe, expect, it } from 'vitest';
import { killPrograms, spawnProgram, spawnServer, startProgram } from './testing/server-program.js';
import { deltasSettled, newDataFolder, publishOk, removeFolder, testToken } from './testing/test-server.js';

const folders: string[] = [];

afterAll(async () => {
  await killPrograms();
  for (const folder of folders) await removeFolder(folder);
});

const newFolder = async (): Promise<string> => {
  const folder = await newDataFolder();
  folders.push(folder);
  return folder;
};

/** Bytes that do not compress, from a generator with a fixed seed; a few of them differ by version. */
const program = (version: number) => {
  const bytes = Buffer.alloc(50_000);
  for (let at = 0, state = 1; at < bytes.length; at += 4) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes.writeUInt32LE(state, at);
  }
  bytes.write(`version ${version}`, 5_000);
  return [{ path: 'app.exe', bytes }];
};

describe('the server program', () => {
  it('finishes the deltas after a kill right behind the publishing, and loses nothing', async () => {
    const folder = await newFolder();
    const first = await startProgram(folder);
    const published = [];
    for (const version of [1, 2, 3]) {
      published.push((await publishOk(first.url, { version: `${version}.0.0`, parts: program(version) })).release);
    }
    await first.end('SIGKILL');

    const second = await startProgram(folder);
    const release = await deltasSettled(second.url, '3.0.0');
    expect(release.deltas.map((delta) => `${delta.base_version} ${delta.state}`)).toEqual(['2.0.0 ready', '1.0.0 ready']);
    for (const { version, zip, manifest_digest } of published) {
      expect(await (await fetch(`${second.url}/api/v1/releases/${version}`)).json()).toMatchObject({ zip, manifest_digest });
      expect((await (await fetch(`${second.url}/api/v1/objects/${zip.digest}`)).arrayBuffer()).byteLength).toBe(zip.bytes);
    }

    expect(await second.end('SIGTERM')).toBe(0);
  });

  it('refuses a data folder that another server works on', async () => {
    const folder = await newFolder();
    const first = await startProgram(folder);
    const { child, stderr } = spawnServer(folder, testToken);
    const [exitCode] = await once(child, 'close');
    expect(exitCode).toBe(1);
    expect(stderr()).toContain('SERVER_DATA_LOCKED');
    expect((await fetch(`${first.url}/readyz`)).status).toBe(200);
    expect(await first.end('SIGTERM')).toBe(0);
  });

  it('makes a token at the first start, shows it once, and prints one line when it listens', async () => {
    const folder = await newFolder();
    const first = await startProgram(folder, null);
    expect(first.stdout.map((line) => JSON.parse(line))).toEqual([{ event: 'listening', url: first.url }]);
    // It comes by another way than the line that says that it listens.
    const shown = () => /shown this once: (\S{20,})/.exec(first.stderr())?.[1] ?? '';
    await expect.poll(shown, { timeout: 60_000 }).not.toBe('');
    const token = shown();
    await publishOk(first.url, { version: '1.0.0', parts: program(1), token });
    expect(await first.end('SIGTERM')).toBe(0);

    const second = await startProgram(folder, null);
    expect(second.stderr()).not.toContain('shown this once');
    await publishOk(second.url, { version: '2.0.0', parts: program(2), token });
    expect(await second.end('SIGINT')).toBe(0);
    for (const output of [first.stderr(), second.stderr()]) expect(output.split(token).length).toBeLessThanOrEqual(2);
  });

  it('says everything that is wrong with its settings, and does not start', async () => {
    const child = spawnProgram(['--port', 'x'], {});
    const [stderr, [exitCode]] = await Promise.all([child.stderr.toArray(), once(child, 'close')]);
    expect(exitCode).toBe(2);
    expect(Buffer.concat(stderr).toString()).toMatch(/CONFIG_INVALID.*--data.*--port/);
  });
});
