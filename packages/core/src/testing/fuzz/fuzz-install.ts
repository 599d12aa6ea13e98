/** Fuzz targets of what an install says about itself: damaged files are as good as none, and never a failure. */
import { UpdaterError } from '../../errors.js';
import { withFile } from '../../file-system/file-source.js';
import { encodeManifest, manifestDigest } from '../../manifest/encode-manifest.js';
import { isSemver } from '../../manifest/version.js';
import { installLayout } from '../../transaction/install-layout.js';
import { parseHolder } from '../../transaction/install-lock.js';
import { encodeState, type InstallState, parseState, readInstalled } from '../../update/install-state.js';
import { MemoryFileSystem } from '../memory-file-system.js';
import { hostileSeeds } from './fuzz-hostile.js';
import { fuzzReleases } from './fuzz-manifest.js';
import type { FuzzTarget } from './fuzz-target.js';
import { type Json, jsonBytes, variedJson } from './vary-json.js';

const { base } = fuzzReleases;

const sampleState: InstallState = {
  format: 'remendo-state-1',
  application: 'erp',
  platform: 'any',
  version: '1.0.0',
  displayVersion: '1.0.0.0',
  manifestDigest: manifestDigest(base),
  channel: 'stable',
  terminalId: 'terminal-7',
};

/** A state or none, never a failure. */
export const fuzzState: FuzzTarget = {
  name: 'state',
  async run(bytes) {
    const state = parseState(bytes);
    if (state === null) throw new UpdaterError('INSTALL_UNKNOWN', 'no state');
    if (!isSemver(state.version) || parseState(encodeState(state)) === null) throw new Error('the state is not read again');
  },
  seeds: async () => [encodeState(sampleState), encodeState({ ...sampleState, displayVersion: '1.0.0.0' })],
  made: () => jsonBytes(variedJson(sampleState as unknown as Json)),
};

const layout = installLayout('/install');

/** The input is version.txt, state.json, manifest.json and blocked.json at the same time, or the part of it that is each one's. */
export const fuzzInstalled: FuzzTarget = {
  name: 'installed',
  async run(bytes) {
    const [version = bytes, state = bytes, manifest = bytes, blocked = bytes] = partsOf(bytes);
    const fileSystem = new MemoryFileSystem();
    await fileSystem.makeDirectory(layout.home);
    const files = [
      [layout.versionText, version],
      [layout.state, state],
      [layout.manifest, manifest],
      [layout.blocked, blocked],
    ] as const;
    for (const [path, content] of files) await withFile(fileSystem, path, { mode: 'create' }, (handle) => handle.write(0, content));
    const installed = await readInstalled(fileSystem, layout);
    if (installed.manifest !== null && installed.version?.version !== installed.manifest.version)
      throw new Error('the manifest is another version’s');
    if (installed.blocked.some((one) => typeof one !== 'string')) throw new Error('what is blocked is no version');
  },
  seeds: async () => [installedFiles(['1.0.0', '2.0.0-rc.1']), ...(await hostileSeeds('own-file', ({ bytes }) => bytes))],
  made: () => jsonBytes(variedJson(['1.0.0', '2.0.0'])).map((blocked) => installedFiles(blocked)),
};

const separator = Buffer.from('\n----\n');

function partsOf(bytes: Uint8Array): readonly Uint8Array[] {
  const all = Buffer.from(bytes);
  const parts: Uint8Array[] = [];
  for (let start = 0; start <= all.length; ) {
    const end = all.indexOf(separator, start);
    parts.push(all.subarray(start, end < 0 ? all.length : end));
    start = end < 0 ? all.length + 1 : end + separator.length;
  }
  return parts;
}

const installedFiles = (blocked: readonly string[] | Uint8Array): Uint8Array =>
  Buffer.concat([
    Buffer.from('1.0.0\n'),
    separator,
    encodeState(sampleState),
    separator,
    encodeManifest(base),
    separator,
    blocked instanceof Uint8Array ? blocked : Buffer.from(JSON.stringify(blocked)),
  ]);

/** The name of who holds the lock. */
export const fuzzLock: FuzzTarget = {
  name: 'lock',
  async run(bytes) {
    const holder = parseHolder(bytes);
    if (holder === null) throw new UpdaterError('TRANSACTION_LOCKED', 'nobody');
    if (!Number.isInteger(holder.pid) || holder.pid < 1) throw new Error(`${holder.pid} is no process`);
  },
  seeds: async () => [Buffer.from(JSON.stringify(sampleHolder))],
  made: () => jsonBytes(variedJson(sampleHolder)),
};

const sampleHolder = { pid: 71, startedAt: 'boot 1, 1234', sinceMs: 1_790_000_000_000, nonce: 'id-1' };
