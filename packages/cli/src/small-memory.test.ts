import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const built = new URL('../dist/small-memory.js', import.meta.url).href;

/** What survives makes the room for young objects grow, from 1 MiB to 16 and a copy of it. */
const program = `
  const { Worker } = require('node:worker_threads');
  new Worker('', { eval: true }).once('exit', () => {
    const kept = Array.from({ length: 500_000 }, (_, number) => ({ number }));
    const { space_size } = require('node:v8').getHeapSpaceStatistics().find((space) => space.space_name === 'new_space');
    console.log(JSON.stringify({ kept: kept.length, youngBytes: space_size }));
  });`;

it('the room for young objects stays as small as it is at the start, also when a thread has been started', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, ['--import', built, '-e', program]);
  const { kept, youngBytes } = JSON.parse(stdout) as { kept: number; youngBytes: number };
  expect(kept).toBe(500_000);
  expect(youngBytes).toBeLessThanOrEqual(4 * 2 ** 20);
});
