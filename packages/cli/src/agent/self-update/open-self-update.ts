/** The self-update of this very process, with everything it works with on this machine. */
import { join, resolve } from 'node:path';
import { createUpdater, installLayout, limits, nodeFileSystem, nodeHost, type UpdaterOptions } from '@remendo/core';
import type { CommandContext } from '../../command-context.js';
import type { SettingSources } from '../../config.js';
import { loadSettings } from '../../config-files.js';
import { credentialNames, credentialsOf } from '../../credentials.js';
import { type History, type HistoryOptions, openHistory } from '../../history/open-history.js';
import { readNamedFile } from '../../named-path.js';
import { ownProgram } from '../../own-program.js';
import { guardInstall } from '../../permissions/guard-install.js';
import type { SettingName } from '../../settings.js';
import { countFetched } from '../../terminal/count-fetched.js';
import { openUpdateLog, updateLogName } from '../../terminal/update-log.js';
import { type QualifyRun, qualifyProgram, reachesServer } from './qualify-program.js';
import { createSelfUpdate, type SelfUpdate } from './self-update.js';
import { provedStartsMax, type RunningAgent, type SelfUpdateConfig, selfUpdateConfigOf } from './self-update-settings.js';

const placeNames = ['root', 'selfUpdate'] as const satisfies readonly SettingName[];
const settingNames = [
  'server',
  'allowInsecure',
  'bandwidthBytesPerSecond',
  'openpgpKeys',
  'trustRoot',
  'trustFirstUse',
  ...credentialNames,
] as const satisfies readonly SettingName[];

/** RFC 2606: never anybody's. */
const noServer = 'https://server.invalid/';
const deliveryMsMax = 5_000;

type Flags = SettingSources['flags'];

/**
 * @returns null when the agent is not to update itself. Never rejects: what is wrong with the settings is told when the agent
 * reads them, and must not keep a version back that can not read them.
 */
export function openSelfUpdate(context: CommandContext, flags: Flags): SelfUpdate | null {
  const config = configOf(context, flags);
  if (config === null) return null;
  const { root, home, application, platform, channel, program, startsMax } = config;
  const layout = installLayout(root, home);
  const fetched = countFetched(globalThis.fetch);
  const { history, log } = openStory(context, { home, fetchedBytes: fetched.bytes, flags, readState });
  const options = (): UpdaterOptions => {
    // Nobody looks for programs that run from the install root: this one does.
    const { programs: _programs, ...host } = nodeHost();
    const told = { application, platform, channel, onEvent: history.recorder.onEvent };
    return { root, home, server: noServer, host: { ...host, fetch: fetched.fetch }, ...told };
  };
  const localUpdater = createUpdater(options());
  async function readState() {
    return (await localUpdater.status()).state;
  }
  const self = createSelfUpdate({
    fileSystem: nodeFileSystem(),
    layout,
    program,
    agent: applicationRootOf(context, flags) ?? '',
    startsMax,
    provedStartsMax,
    localUpdater,
    async openUpdater(gate) {
      await guardInstall(context.output, layout);
      return createUpdater({ ...options(), ...(await askingOptions(context, flags)), gate });
    },
    qualify: (path, signal) => qualifyProgram(qualifyRun(config, path, signal)),
    reachesServer: (path, signal) => reachesServer(qualifyRun(config, path, signal)),
    report: (version, reason) => history.recorder.onEvent({ kind: 'rolled-back', version, reason }),
    log: log.write,
  });
  return {
    ...self,
    async begin(by) {
      const begun = await self.begin(by);
      // Whoever crashes in every round tells nothing at the end of one.
      if (begun.waitMs > 0 && by === 'program') await tellServer(history);
      return begun;
    },
    update: (signal) => self.update(signal).finally(() => tellServer(history)),
  };
}

/** With the arguments of this process, from its folder: the new program has to understand the same configuration. */
const qualifyRun = ({ qualifyMsMax }: SelfUpdateConfig, program: string, signal?: AbortSignal): QualifyRun => ({
  program,
  args: [...process.argv.slice(2).filter((arg) => arg !== '--once' && arg !== '--json'), '--qualify', '--json'],
  folder: process.cwd(),
  msMax: qualifyMsMax,
  ...(signal === undefined ? {} : { signal }),
});

/** What can not be told now is told after the next round. */
async function tellServer(history: History): Promise<void> {
  await history.deliver(AbortSignal.timeout(deliveryMsMax)).catch(() => null);
}

function configOf(context: CommandContext, flags: Flags): SelfUpdateConfig | null {
  try {
    const { root, selfUpdate } = loadSettings(placeNames, { flags, environment: context.environment });
    return selfUpdateConfigOf(selfUpdate, runningAgent(resolve(root ?? '.')));
  } catch {
    return defaultConfig(applicationRootOf(context, flags));
  }
}

/** As far as it can be told without the configuration file; null: it stands there alone, or nowhere. */
function applicationRootOf({ environment }: CommandContext, flags: Flags): string | null {
  const root = flags.root ?? environment.REMENDO_ROOT;
  return typeof root === 'string' && root !== '' ? resolve(root) : null;
}

/** A program that names no file to Node.js is its own. */
const runningAgent = (applicationRoot: string): RunningAgent => {
  const { command, args } = ownProgram();
  return { executable: command, isSingleExecutable: args.length === 0, applicationRoot };
};

/**
 * Where the settings can not be read: an agent that lies in a folder of its own is still known. Whether it does is known only
 * beside the application's root: the application's updates are not this program's to roll back.
 */
function defaultConfig(applicationRoot: string | null): SelfUpdateConfig | null {
  try {
    return applicationRoot === null ? null : selfUpdateConfigOf(null, runningAgent(applicationRoot));
  } catch {
    return null;
  }
}

/** Everything that has to do with the server. @throws UpdaterError CONFIG_INVALID */
async function askingOptions({ environment }: CommandContext, flags: Flags): Promise<Partial<UpdaterOptions>> {
  const settings = loadSettings(settingNames, { flags, environment }, ['server']);
  const credentials = credentialsOf(settings);
  const { server, openpgpKeys, trustRoot, bandwidthBytesPerSecond } = settings;
  return {
    ...(server === null ? {} : { server }),
    ...(bandwidthBytesPerSecond === null ? {} : { bandwidthBytesPerSecond }),
    ...(openpgpKeys === null ? {} : { openPgpKeys: await readNamedFile(openpgpKeys, limits.openPgpKeysBytesMax) }),
    trust: {
      kind: 'signed',
      firstUse: settings.trustFirstUse ?? true,
      ...(trustRoot === null ? {} : { root: await readNamedFile(trustRoot, limits.rootBytesMax) }),
    },
    http: { allowInsecure: settings.allowInsecure ?? false, credentials: () => credentials },
  };
}

interface StoryOptions {
  readonly home: string;
  readonly fetchedBytes: () => number;
  readonly flags: Flags;
  readonly readState: HistoryOptions['readState'];
}

/** The log of the agent's own install, and what of it the server is told. */
function openStory(context: CommandContext, { home, fetchedBytes, flags, readState }: StoryOptions) {
  const history = openHistory({
    home,
    command: 'agent',
    fetchedBytes,
    server: historyServer(context, flags),
    readState,
    onRefused: (eventId, reason) => log.write('event_refused', { eventId, reason }),
  });
  const log = openUpdateLog({
    path: join(home, updateLogName),
    command: 'agent',
    now: () => new Date(),
    makeFolder: true,
    onFailure: context.output.warn,
    onEntry: history.recorder.onEntry,
  });
  return { history, log };
}

/** Null where there is none, or the settings do not say so in a way that can be read. */
function historyServer({ environment }: CommandContext, flags: Flags): HistoryOptions['server'] {
  try {
    const settings = loadSettings(settingNames, { flags, environment });
    const credentials = credentialsOf(settings);
    if (settings.server === null) return null;
    return { serverUrl: settings.server, allowInsecure: settings.allowInsecure ?? false, credentials: () => credentials };
  } catch {
    return null;
  }
}
