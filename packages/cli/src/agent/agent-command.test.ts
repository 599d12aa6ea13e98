import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { expect, it, vi } from 'vitest';
import { startHttpDouble } from '../backups/senders/senders.test.support.js';
import type { CommandContext } from '../command-context.js';
import { createOutput } from '../output/output.js';
import { temporaryFolders } from '../testing/run-remendo.js';
import { runAgent } from './agent-command.js';

const surroundings = vi.hoisted(() => ({ beforeLock: () => {} }));
vi.mock('../permissions/guard-install.js', () => ({ guardInstall: async () => surroundings.beforeLock() }));

const makeFolder = temporaryFolders();

it('goes by the settings as they are once it has its lock: what is written before that needs no other start', async () => {
  const root = await makeFolder();
  const refused = () => startHttpDouble((_, response) => response.writeHead(403).end());
  const [before, now] = [await refused(), await refused()];
  mkdirSync(join(root, '.remendo'));
  const configure = (server: string): void =>
    writeFileSync(join(root, '.remendo', 'remendo.config.json'), JSON.stringify({ server }));
  configure(before.url);
  surroundings.beforeLock = () => configure(now.url);
  const streams = { stdout: new PassThrough().resume(), stderr: new PassThrough().resume() };
  const context: CommandContext = {
    output: createOutput(streams as unknown as Parameters<typeof createOutput>[0], { json: true, language: 'en' }),
    language: 'en',
    environment: { REMENDO_API_KEY: 'rk_abcdefghijkl_nothing', REMENDO_API_SECRET: 'nothing' },
    signal: new AbortController().signal,
    isInteractive: false,
    takeSignals: () => () => {},
  };
  await runAgent(context, { flags: { root }, once: true, qualify: false, guard: false });
  expect(before.received).toEqual([]);
  expect(now.received.map(({ path }) => path)).toContainEqual(expect.stringContaining('license'));
});
