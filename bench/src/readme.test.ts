import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningServer, runRemendo, startServer } from './demo/programs.js';

const token = 'readme-test-token-on-loopback';
const readme = await readFile(fileURLToPath(new URL('../../README.md', import.meta.url)), 'utf8');

let folder: string;
let server: RunningServer;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'remendo-readme-'));
  server = await startServer(join(folder, 'server'), token, ['--new-application-access', 'public']);
});

afterAll(async () => {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

async function publish(version: string, program: string): Promise<void> {
  const release = await mkdtemp(join(folder, 'release-'));
  await writeFile(join(release, 'vnd.cjs'), program);
  const args = ['publish', release, '--application', 'erp', '--release', version, '--wait', '--json'];
  const result = await runRemendo(args, { env: { REMENDO_SERVER_URL: server.url, REMENDO_TOKEN: token } });
  expect(result.code, result.stderr).toBe(0);
}

/** The first TypeScript block of the README, with its example names replaced by real ones, run by Node. */
async function runExample(root: string): Promise<string> {
  const example = /```ts\n([\s\S]*?)```/.exec(readme)?.[1] ?? '';
  expect(example.trim().split('\n').length).toBeLessThanOrEqual(12);
  const program = example
    .replaceAll("'C:\\\\sistema\\\\bin'", JSON.stringify(root))
    .replaceAll("'https://updates.example.com'", JSON.stringify(server.url))
    .replaceAll("command: 'Vnd.exe', args: []", `command: ${JSON.stringify(process.execPath)}, args: ['vnd.cjs']`);
  // Beside this file, so that the package is found as in an embedder's own project.
  const file = join(fileURLToPath(new URL('..', import.meta.url)), `readme-example-${process.pid}.mjs`);
  await writeFile(file, program);
  try {
    return (await promisify(execFile)(process.execPath, [file])).stdout;
  } finally {
    await rm(file);
  }
}

describe("the README's example for embedders", () => {
  it('installs, updates, and goes back when the new version does not start', async () => {
    const root = join(folder, 'install');
    await publish('1.0.0', "console.log('one is up')");
    expect(await runExample(root)).toContain('updated');
    await publish('1.0.1', "console.log('two is up')");
    const second = await runExample(root);
    expect(second).toContain('two is up');
    expect(second).toContain('updated');
    await publish('1.0.2', "throw new Error('three is down')");
    expect(await runExample(root)).toContain('rolled-back');
    expect(await readFile(join(root, 'version.txt'), 'utf8')).toBe('1.0.1\n');
  });
});
