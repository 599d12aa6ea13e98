/** The agent as a real process, against a real server that loses answers and is started again. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { exitCodes } from '../exit-codes.js';
import { downloadedBytes } from '../testing/downloaded-bytes.js';
import { patience } from '../testing/patience.js';
import { type Ran, runRemendo, temporaryFolders } from '../testing/run-remendo.js';
import { type RunningServer, startServer } from '../testing/run-server.js';
import { baseFiles, readTree, writeFiles, zipFolder } from '../testing/sample-releases.js';
import { startTamperingProxy, type TamperingProxy } from '../testing/tampering-proxy.js';

const makeFolder = temporaryFolders();
let folder: string;
let server: RunningServer;
let proxy: TamperingProxy;
/** Of what the server says to events nothing arrives that can be read. */
let isLosing = false;
/** Downloads fall silent in the middle. */
let isHolding = false;

beforeAll(async () => {
  folder = await makeFolder();
  server = await startServer(folder);
  const zip = await zipFolder(await writeFiles(join(folder, 'base'), baseFiles), join(folder, 'base.zip'));
  const form = new FormData();
  form.set('application', 'erp');
  form.set('version', '1.0.0');
  form.set('file', new Blob([await readFile(zip)]), 'base.zip');
  const headers = { authorization: `Bearer ${server.token}` };
  const published = await fetch(`${server.url}/api/v1/releases`, { method: 'POST', headers, body: form });
  if (!published.ok) throw new Error(await published.text());
  proxy = await startTamperingProxy(() => server.url, {
    spoil({ path }, body) {
      return isLosing && path.startsWith('/api/v1/updates/events') ? Buffer.alloc(body.length, 'lost ') : body;
    },
    holdAfter: ({ path }) => (isHolding && path.startsWith('/api/v1/objects/') ? 20_000 : null),
  });
});
afterAll(async () => {
  await proxy?.close();
  await server?.stop();
});

const everySecond = JSON.stringify({ checkCron: '* * * * * *', jitterMinutesMax: 0, proof: 'none' });

interface Started {
  readonly ended: Promise<Ran>;
  /** Resolves when a line of its standard output says so. */
  saw(text: RegExp): Promise<void>;
  stop(): void;
}

function startAgent(root: string, ...args: readonly string[]): Started {
  let printed = '';
  let kill: (signal: NodeJS.Signals) => void = () => {};
  const ended = runRemendo(['agent', '--root', root, '--server', proxy.url, '--agent', everySecond, '--json', ...args], {
    onOutput(text, killer) {
      printed += text;
      kill = killer;
    },
  });
  const saw = (text: RegExp) => vi.waitFor(() => expect(printed).toMatch(text), patience);
  return { ended, saw, stop: () => kill('SIGTERM') };
}

const told = async (state?: string) => {
  const headers = { authorization: `Bearer ${server.token}` };
  const answer = await fetch(`${server.url}/api/v1/updates/log?limit=200${state === undefined ? '' : `&state=${state}`}`, {
    headers,
  });
  return ((await answer.json()) as { events: readonly { event_id: string; state: string; version_to: string }[] }).events;
};

const queued = async (root: string): Promise<number> =>
  (await readdir(join(root, '.remendo', 'events'))).filter((name) => /^\d{15}-/.test(name)).length;

it('installs by itself, and every event arrives once, though answers are lost and the server is started again', async () => {
  const root = join(folder, 'erp');
  isLosing = true;
  const agent = startAgent(root);
  await agent.saw(/"outcome":"updated"/);
  expect(await readTree(root, ['.remendo', 'version.txt'])).toEqual(await readTree(join(folder, 'base')));
  await vi.waitFor(async () => expect((await told('completed')).length).toBe(1), patience);
  expect(await queued(root)).toBeGreaterThan(0);
  // A round that found the server away would be the last for minutes; for an hour from here on, none asks it anything.
  await agent.saw(/"outcome":"up_to_date"/);
  await server.stop();
  server = await startServer(folder);
  isLosing = false;
  await vi.waitFor(async () => expect(await queued(root)).toBe(0), patience);
  agent.stop();
  const { code, stdout } = await agent.ended;
  expect(code).toBe(exitCodes.done);
  expect(stdout).toContain('agent_stopped');
  const events = await told();
  expect(new Set(events.map(({ event_id }) => event_id)).size).toBe(events.length);
  const states = [...events].reverse().map(({ state }) => state);
  expect(states.filter((state, index) => state !== states[index - 1])).toEqual([
    'started',
    'downloading',
    'installing',
    'completed',
  ]);
  const why = await runRemendo(['why', '--root', root, '--json']);
  expect(why.json()).toMatchObject({ installed: '1.0.0', events: 0, story: { attempt: { state: 'completed', version: '1.0.0' } } });
});

it('a second agent says so and ends; one that is stopped in the middle of a download ends at once, and the next goes on', async () => {
  const root = join(folder, 'slow');
  isHolding = true;
  const agent = startAgent(root);
  await vi.waitFor(async () => expect(await downloadedBytes(root)).toBeGreaterThan(10_000), patience);
  const second = await runRemendo(['agent', '--once', '--root', root, '--server', proxy.url]);
  expect(second.code).toBe(exitCodes.transaction);
  expect(second.stderr).toContain('another agent looks after this install');
  agent.stop();
  expect((await agent.ended).code).toBe(exitCodes.done);
  isHolding = false;
  expect(await downloadedBytes(root)).toBeGreaterThan(10_000);
  const once = await runRemendo(['agent', '--once', '--root', root, '--server', proxy.url, '--json']);
  expect(once.code).toBe(exitCodes.done);
  expect(once.events()).toContainEqual(expect.objectContaining({ event: 'job_ended', job: 'update', outcome: 'updated' }));
  const clean = await runRemendo(['cleanup', '--root', root, '--older-than', '0', '--json']);
  expect(clean.json()).toMatchObject({ outcome: 'cleaned' });
  // The way back, and the proof that is still owed, are untouched.
  expect((await runRemendo(['status', '--root', root, '--json'])).json()).toMatchObject({
    version: '1.0.0',
    last_transaction: { state: 'committed' },
  });
});
