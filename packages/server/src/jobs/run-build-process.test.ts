import { EventEmitter } from 'node:events';
import { expect, it, vi } from 'vitest';
import { runBuildProcess } from './run-build-process.js';

const child = vi.hoisted(() => ({ made: null as EventEmitter | null }));

vi.mock('node:child_process', () => ({
  fork: () => child.made,
}));

it('fails, and does not wait for ever, when there is no process to be had', async () => {
  child.made = new EventEmitter();
  const running = runBuildProcess('/nowhere', { msMax: 1_000_000, signal: new AbortController().signal });
  child.made.emit('error', Object.assign(new Error('spawn EMFILE'), { code: 'EMFILE' }));
  await expect(running).rejects.toMatchObject({ code: 'SERVER_FAILED', message: 'the build process can not be started' });
});
