import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { expect, it } from 'vitest';
import type { CommandContext } from '../command-context.js';
import { type Language, languages } from '../language.js';
import { createOutput } from '../output/output.js';
import { temporaryFolders } from '../testing/run-remendo.js';
import { runRelay } from './relay-command.js';
import type { RelayServerSettings } from './relay-settings.js';

const makeFolder = temporaryFolders();

/** Runs the command until it says that it is up, then ends it. */
async function relay(settings: RelayServerSettings, options: { readonly json: boolean; readonly language?: Language }) {
  const { json, language = 'en' } = options;
  const stdout = new PassThrough().setEncoding('utf8');
  const stderr = new PassThrough().setEncoding('utf8');
  const ending = new AbortController();
  let text = '';
  stdout.on('data', (chunk: string) => {
    text += chunk;
    if (text.includes('http://')) ending.abort(new Error('SIGTERM'));
  });
  const streams = { stdout, stderr } as unknown as Parameters<typeof createOutput>[0];
  const context: CommandContext = {
    output: createOutput(streams, { json, language }),
    language,
    environment: {
      REMENDO_SERVER_URL: 'https://updates.example.com',
      REMENDO_API_KEY: 'key-of-the-relay',
      REMENDO_API_SECRET: 'hush-hush',
    },
    signal: ending.signal,
    isInteractive: false,
    takeSignals: () => () => undefined,
  };
  const flags = { relayServer: { announce: false, host: '127.0.0.1', ...settings } };
  return { code: await runRelay(context, { flags, overrides: { port: 0 } }), text };
}

it('serves until it is ended, and tells in lines of JSON and in its log what it did', async () => {
  const folder = await makeFolder();
  const { code, text } = await relay({ folder }, { json: true });
  expect(code).toBe(0);
  const events = text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(events).toMatchObject([
    { event: 'listening', urls: [expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/$/)], folder, cache_bytes: 0 },
    { event: 'ended', requests: 0, hits: 0, bytes_served: 0, bytes_upstream: 0 },
  ]);
  const log = await readFile(join(folder, 'relay.log'), 'utf8');
  expect(log.match(/"event":"(listening|ended)"/g)).toHaveLength(2);
  expect(text + log).not.toMatch(/key-of-the-relay|hush-hush/);
});

it.each(languages)('says in %s where it is, and that it ended', async (language) => {
  const { text } = await relay({ folder: await makeFolder() }, { json: false, language });
  const [up, cache, ended] = text.trim().split('\n');
  expect([up, cache, ended].every((line) => (line ?? '').length > 10)).toBe(true);
  expect(cache).toMatch(language === 'en' ? /8\.59 GB/ : /8,59 GB/);
});

it('tells everything that is wrong at once, and starts nothing', async () => {
  const wrong = relay({ host: 'relay.lan', networks: ['10.0.0.0'] }, { json: true });
  await expect(wrong).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    details: {
      problems: [expect.stringContaining('host'), expect.stringContaining('networks'), expect.stringContaining('--folder')],
    },
  });
});
