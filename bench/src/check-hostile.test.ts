import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { hostileFixtures } from '@remendo/core/testing';
import { expect, it } from 'vitest';
import { runRemendo } from './demo/programs.js';

const program = fileURLToPath(new URL('../dist/check-hostile.js', import.meta.url));

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const run = (...args: readonly string[]): Promise<Ran> =>
  new Promise((resolve) => {
    execFile(process.execPath, [program, ...args], { maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
    );
  });

it('every hostile fixture is refused with its code at every door, and leaves nothing behind', { timeout: 600_000 }, async () => {
  const { code, stdout, stderr } = await run();
  expect(stderr).toBe('');
  const counts = JSON.parse(stdout) as { readonly fixtures: number; readonly refused: number; readonly wrong_code: number };
  expect(counts.fixtures).toBeGreaterThan(500);
  expect(counts).toEqual({ fixtures: counts.fixtures, refused: counts.fixtures, wrong_code: 0 });
  expect(code).toBe(0);
});

/** The doors call the commands in their own process; these are the program itself. */
it.each([
  ['zip-name-escape', 'hostile.zip', 'manifest'],
  ['manifest-duplicate-key', 'hostile.json', 'inspect'],
  ['delta-huge-index', 'hostile.delta', 'inspect'],
  ['journal-path-parent-folder', 'hostile-journal', 'inspect'],
])('%s is refused by the program, which leaves nothing behind', async (name, file, command) => {
  const fixture = hostileFixtures.find((one) => one.name === name);
  const input = await fixture?.input();
  if (input === undefined || !('bytes' in input)) throw new Error(`${name} is no file`);
  const folder = await mkdtemp(join(tmpdir(), 'remendo-hostile-program-'));
  try {
    await writeFile(join(folder, file), input.bytes);
    const { code, events, stderr } = await runRemendo([command, join(folder, file), '--json']);
    expect(events).toMatchObject([{ event: 'error', code: fixture?.code }]);
    expect(code).toBeGreaterThan(2);
    expect(stderr.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
    expect(await readdir(folder)).toEqual([file]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

it('a name that no fixture has is a failure: nothing was checked', async () => {
  expect(await run('--fixture', 'no-such-fixture')).toMatchObject({
    code: 1,
    stdout: '{"fixtures":0,"refused":0,"wrong_code":0}\n',
  });
});
