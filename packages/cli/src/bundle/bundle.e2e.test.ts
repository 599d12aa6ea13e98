/** A release goes by stick from a server to a terminal that reaches nobody, and what became of it comes back. */
import { cp, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { UpdateLog } from '@remendo/core/protocol';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { exitCodes } from '../exit-codes.js';
import { runRemendo, temporaryFolders } from '../testing/run-remendo.js';
import { type RunningServer, startServer } from '../testing/run-server.js';
import { baseFiles, targetFiles, writeFiles, zipFolder } from '../testing/sample-releases.js';

const makeFolder = temporaryFolders();
/** A terminal that opens a connection fails. */
const noNetwork = `--import=data:text/javascript,${encodeURIComponent('globalThis.fetch=()=>{throw new Error("there is no network")}')}`;

let folder: string;
let stick: string;
let server: RunningServer;
let terminal: { readonly id: string; readonly secret: string };

const asAdmin = () => ({ authorization: `Bearer ${server.token}` });
const operator = () => ({ REMENDO_TOKEN: server.token, REMENDO_SERVER_URL: server.url });

async function post(path: string, body: object, headers: Record<string, string> = asAdmin()): Promise<Record<string, string>> {
  const answer = await fetch(`${server.url}/api/v1/${path}`, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(await answer.text());
  return (await answer.json()) as Record<string, string>;
}

async function publish(version: string, files: Readonly<Record<string, Uint8Array>>): Promise<void> {
  const zip = await zipFolder(await writeFiles(join(folder, version), files), join(folder, `${version}.zip`));
  const form = new FormData();
  form.set('application', 'erp');
  form.set('version', version);
  form.set('file', new Blob([await readFile(zip)]), `${version}.zip`);
  const published = await fetch(`${server.url}/api/v1/releases`, { method: 'POST', headers: asAdmin(), body: form });
  if (!published.ok) throw new Error(await published.text());
}

async function enrol(): Promise<typeof terminal> {
  const person = { email: 'ada@example.com', first_name: 'Ada', last_name: 'Rossi', company: 'Rossi', phone: '+39 06 1234' };
  const { api_key: key = '', api_secret: secret = '' } = await post('customers', person);
  const machine = { name: 'Till', branch: 'Roma', operating_system: 'Linux', architecture: 'x64', agent_version: '1.0.0' };
  const enrolled = await post('terminals/enrol', machine, { authorization: `Bearer ${key}`, 'x-api-secret': secret });
  return { id: enrolled.terminal_id ?? '', secret: enrolled.secret ?? '' };
}

beforeAll(async () => {
  folder = await makeFolder();
  stick = join(await makeFolder(), 'STICK');
  server = await startServer(folder);
  await publish('1.0.0', baseFiles);
  await publish('1.0.1', targetFiles);
  terminal = await enrol();
});
afterAll(() => server?.stop());

it('by stick, without any network, and its results by stick too, once', async () => {
  const programFile = fileURLToPath(new URL('../../package.json', import.meta.url));
  for (const args of [
    ['--release', '1.0.0'],
    ['--release', '1.0.1', '--from', '1.0.0', '--wait', '--program', programFile],
  ]) {
    const made = await runRemendo(['bundle', '--application', 'erp', ...args, '--out', stick, '--json'], {
      environment: operator(),
    });
    expect(made.code, made.stderr).toBe(0);
    expect(made.json()).toMatchObject({ left_out: [], under_way: [] });
  }
  const shippedRoot = join(folder, 'root.json');
  await writeFile(shippedRoot, Buffer.from(await (await fetch(`${server.url}/metadata/1.root.json`)).arrayBuffer()));
  await server.stop();
  expect(await readFile(join(stick, 'program', 'package.json'))).toEqual(await readFile(programFile));

  const root = join(await makeFolder(), 'erp');
  const environment = { REMENDO_TERMINAL_SECRET: `${terminal.id}:${terminal.secret}` };
  const install = (...args: string[]) =>
    runRemendo(['install', ...args, '--root', root, '--from', stick, '--trust-root', shippedRoot, '--yes'], {
      environment,
      nodeArgs: [noNetwork],
    });
  const first = await install('1.0.0');
  expect(first.code, first.stderr).toBe(0);
  const updated = await install();
  expect(updated.code, updated.stderr).toBe(0);
  expect(updated.stdout).toContain('1.0.0 → 1.0.1');
  expect(await readFile(join(root, 'bin/app.exe'))).toEqual(Buffer.from(targetFiles['bin/app.exe'] ?? []));
  const receipts = await readdir(join(stick, 'receipts'));
  expect(receipts).toHaveLength(2);
  const receiptText = await readFile(join(stick, 'receipts', receipts[0] ?? ''), 'utf8');
  expect(receiptText).not.toContain(terminal.secret);

  await cp(join(stick, 'receipts'), join(folder, 'copies', 'receipts'), { recursive: true });
  server = await startServer(folder);
  const brought = await runRemendo(['receipts', stick, '--json'], { environment: operator() });
  expect(brought.code, brought.stderr).toBe(0);
  const counted = brought.json().receipts as readonly { readonly accepted: number; readonly duplicates: number }[];
  expect(counted.every(({ accepted }) => accepted > 0)).toBe(true);
  expect(await readdir(join(stick, 'receipts'))).toEqual([]);
  await writeFile(join(folder, 'copies', 'receipts', 'forged.json'), receiptText.replace('completed', 'failed___'));
  const again = await runRemendo(['receipts', join(folder, 'copies'), '--keep', '--json'], { environment: operator() });
  expect(again.code).toBe(exitCodes.record);
  const answers = again.json().receipts as readonly { readonly accepted?: number; readonly code: string | null }[];
  expect(answers.map(({ accepted = 0 }) => accepted)).toEqual([0, 0, 0]);
  expect(answers.filter(({ code }) => code === 'RECORD_NOT_FOUND')).toHaveLength(1);
  const log = (await (await fetch(`${server.url}/api/v1/updates/log?state=completed`, { headers: asAdmin() })).json()) as UpdateLog;
  expect(log.events.map(({ terminal, version_to }) => [terminal, version_to]).sort()).toEqual([
    [terminal.id, '1.0.0'],
    [terminal.id, '1.0.1'],
  ]);
});
