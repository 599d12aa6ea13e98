/** A terminal that updates itself from a server of ours, over real HTTP, on a real disk. */
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createUpdater, encodeManifest, isUpdaterError, manifestDigest, nodeHost, type UpdateEvent } from '@remendo/core';
import { type HostileInput, hostileBaseVersion, inlineDeriver, manifestOf, type ReleaseBytes } from '@remendo/core/testing';
import type { Answer, Door } from './doors.js';
import { differences, type Snapshot, snapshotOf, snapshotOfFiles } from './folder-harm.js';
import { type HostedUpdate, hostUpdate } from './host-update.js';
import { swappingFileSystem } from './swapping-file-system.js';
import { startUpdateServer, type UpdateServer } from './update-server.js';

export async function openTerminalDoor(): Promise<Door> {
  const server = await startUpdateServer();
  // Nothing runs from these installs: a thousand looks at every process of the machine would only take time.
  const { programs: _programs, ...host } = nodeHost();
  return {
    isElsewhere: false,
    async bring(input) {
      const hosted = await hostUpdate(input);
      if (hosted === null) return [];
      const world = await mkdtemp(join(tmpdir(), 'remendo-hostile-terminal-'));
      try {
        return [await tryUpdate({ input, hosted, world, server, host })];
      } finally {
        await rm(world, { recursive: true, force: true });
      }
    },
    async close() {
      await host.deriver.close();
      await server.close();
    },
  };
}

type NodeHost = Omit<ReturnType<typeof nodeHost>, 'programs'>;

interface Trial {
  readonly input: HostileInput;
  readonly hosted: HostedUpdate;
  readonly world: string;
  readonly server: UpdateServer;
  readonly host: NodeHost;
}

async function tryUpdate({ input, hosted, world, server, host }: Trial): Promise<Answer> {
  const root = join(world, 'root');
  await install(root, hosted.base);
  await plant(input, { root, outside: join(world, 'outside'), hosted });
  server.host(hosted);
  const before = { root: released(root), beside: snapshotOf(world, ['root']) };
  const events: UpdateEvent[] = [];
  const error = await createUpdater({
    root,
    server: server.url,
    host: hostFor(input, host),
    trust: { kind: 'announced' },
    http: { retries: { retriesMax: 0 } },
    onEvent: (event) => events.push(event),
  })
    .update()
    .then(
      () => null,
      (thrown: unknown) => thrown,
    );
  if (error !== null && !isUpdaterError(error)) throw error;
  const expected = error === null ? snapshotOfFiles(hosted.target) : before.root;
  return {
    door: 'terminal',
    code: error?.code ?? codeOf(events),
    ...mayBe(input),
    harm: [
      ...differences(expected, released(root), 'the install'),
      ...differences(before.beside, snapshotOf(world, ['root']), 'beside the install'),
      ...leftInStaging(root),
    ],
  };
}

/** What the updater keeps is not the release's. */
const released = (root: string): Snapshot => snapshotOf(root, ['.remendo', 'version.txt']);

const leftInStaging = (root: string): readonly string[] =>
  [...snapshotOf(join(root, '.remendo', 'staging')).keys()].map((path) => `staging: ${path} was left behind`);

/** A blob that is longer than what it makes, or of no bytes, is not even fetched. */
function mayBe(input: HostileInput): Pick<Answer, 'mayBe'> {
  if (input.kind !== 'blob') return {};
  if (input.blob.length === 0) return { mayBe: 'PLAN_INVALID' };
  return input.blob.length > input.target.length ? { mayBe: 'DELTA_INVALID' } : {};
}

/** Why the first plan came to nothing, or a content was fetched whole. */
function codeOf(events: readonly UpdateEvent[]): string | null {
  for (const event of events) if (event.kind === 'plan-failed' || event.kind === 'content-healed') return event.code;
  return null;
}

/** As an updater leaves it. */
async function install(root: string, files: ReleaseBytes): Promise<void> {
  const manifest = await manifestOf(hostileBaseVersion, files);
  const state = {
    format: 'remendo-state-1',
    application: manifest.application,
    platform: manifest.platform,
    version: manifest.version,
    manifestDigest: manifestDigest(manifest),
    channel: 'stable',
    terminalId: 'terminal-1',
  };
  await mkdir(join(root, '.remendo'), { recursive: true, mode: 0o700 });
  for (const [path, bytes] of Object.entries(files)) await writeFile(join(root, path), bytes);
  await writeFile(join(root, '.remendo', 'manifest.json'), encodeManifest(manifest));
  await writeFile(join(root, '.remendo', 'state.json'), JSON.stringify(state));
  await writeFile(join(root, 'version.txt'), `${manifest.version}\n`);
}

/** What a local user puts into the install root. */
async function plant(input: HostileInput, to: { root: string; outside: string; hosted: HostedUpdate }): Promise<void> {
  if (input.kind === 'journal') await writeFile(join(to.root, '.remendo', 'journal'), input.bytes);
  if (input.kind === 'own-file') await writeFile(join(to.root, input.path), input.bytes);
  if (input.kind !== 'link') return;
  const path = join(to.root, input.path.replace('DIGEST', to.hosted.firstObject));
  await mkdir(to.outside);
  await writeFile(join(to.outside, 'precious'), 'of somebody else');
  await mkdir(dirname(path), { recursive: true });
  await rm(path, { recursive: true, force: true });
  await symlink(input.leadsTo === 'folder' ? to.outside : join(to.outside, 'precious'), path);
}

function hostFor(input: HostileInput, host: NodeHost): NodeHost {
  if (input.kind !== 'swap') return host;
  const fileSystem = swappingFileSystem(input.opening);
  return { ...host, fileSystem, deriver: inlineDeriver(fileSystem) };
}
