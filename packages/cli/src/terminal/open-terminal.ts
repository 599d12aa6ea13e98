/** Everything a terminal's command works with: its settings, the updater, the log, and the application's supervisor. */
import { statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import {
  type CheckResult,
  type HealthRule,
  type Host,
  type InstallGate,
  type InstallLayout,
  installLayout,
  nodeHost,
  type StartCommand,
  shownVersion,
  type Updater,
  UpdaterError,
} from '@remendo/core';
import { holdOf } from '../agent/hold-lock.js';
import { leaveReceipts } from '../bundle/leave-receipts.js';
import { tellBundle } from '../bundle/tell-bundle.js';
import type { CommandContext } from '../command-context.js';
import type { SettingSources } from '../config.js';
import { loadSettings } from '../config-files.js';
import { type Credentials, credentialNames, credentialsOf, parseTerminalSecret } from '../credentials.js';
import { Interrupted } from '../exit-codes.js';
import { type History, type HistoryOptions, openHistory } from '../history/open-history.js';
import { guardInstall } from '../permissions/guard-install.js';
import { openRelays, type Relays } from '../relay/open-relays.js';
import type { SettingName, Settings } from '../settings.js';
import { checkCached } from './check-cache.js';
import { countFetched } from './count-fetched.js';
import { installGate } from './install-gate.js';
import { makeUpdater, noServer, updaterSettingNames } from './make-updater.js';
import { type ShownEvents, showEvents } from './show-events.js';
import { type Supervised, superviseApplication } from './supervised-starter.js';
import { openUpdateLog, type UpdateLog, updateLogName } from './update-log.js';

export interface Terminal {
  readonly layout: InstallLayout;
  readonly updater: Updater;
  /** Null when none is asked. */
  readonly relays: Relays | null;
  readonly log: UpdateLog;
  /** What the server is told of updates. */
  readonly history: History;
  readonly events: ShownEvents;
  readonly supervised: Supervised;
  readonly health: HealthRule;
  /** How long `launch` may keep the application waiting for a check. */
  readonly checkWaitMs: number;
  /** The same below a mandatory version. */
  readonly mandatoryWaitMs: number;
  /** How long `launch` may keep it waiting for a download. */
  readonly downloadWaitMs: number;
  /** As `Updater.check`, or what it said to the same question within the last hour. */
  check(options: CachedCheck): Promise<CheckResult>;
  /** The folder of a bundle that is asked in the place of the server; null: there is none. */
  readonly bundle: string | null;
  /** Leaves what the server was not told in the bundle's folder. Never fails. */
  leaveReceipts(): Promise<void>;
  /** Bytes of all answers so far. */
  readonly fetchedBytes: () => number;
  /** Whether anything of the updater's is there at all. */
  readonly isInstalled: () => boolean;
  startCommand(parts: readonly string[]): StartCommand | null;
  /**
   * To be called before anything of the install is changed or logged. Warns when others can write to it.
   * @throws UpdaterError INSTALL_UNSAFE; nothing is written to the log from then on.
   */
  guard(): Promise<void>;
}

export interface CachedCheck {
  /** Ask whatever is remembered. */
  readonly force: boolean;
  readonly retry?: boolean;
  readonly allowDowngrade?: boolean;
  readonly signal: AbortSignal;
}

export interface OpenTerminalOptions {
  /** For the log. */
  readonly command: string;
  readonly flags: SettingSources['flags'];
  /** Whether the command asks the server. */
  readonly asksServer: boolean;
  /** Whether the command may make the updater's folder. */
  readonly changesInstall: boolean;
  /** False when the plan has been shown. */
  readonly showPlan?: () => boolean;
}

/** All that a terminal's commands read. */
export const terminalSettingNames = [
  'root',
  'home',
  'bundle',
  'relay',
  'healthyAfterMs',
  'health',
  'checkWaitMs',
  'mandatoryWaitMs',
  'downloadWaitMs',
  'language',
  'updateLog',
  'agent',
  'backups',
  ...updaterSettingNames,
  ...credentialNames,
] as const satisfies readonly SettingName[];

/** @throws UpdaterError CONFIG_INVALID with every problem, DOWNLOAD_INSECURE. */
async function openTerminal(context: CommandContext, options: OpenTerminalOptions): Promise<Terminal> {
  const { output, environment } = context;
  const given = { flags: options.flags, environment };
  const settings = loadSettings(
    terminalSettingNames,
    given,
    options.asksServer && !hasBundle(given) ? ['root', 'server'] : ['root'],
  );
  const bundle = settings.bundle === null ? null : resolve(settings.bundle);
  const root = resolve(settings.root ?? '.');
  const layout = installLayout(root, settings.home === null ? undefined : resolve(settings.home));
  const fetched = countFetched(globalThis.fetch);
  const credentials = credentialsOf(settings);
  const history = openHistory({
    home: layout.home,
    command: options.command,
    fetchedBytes: fetched.bytes,
    server: historyServer(settings, credentials),
    readState: async () => (await updater.status()).state,
    onStep: (percent) => log.write('download_progressed', { state: 'downloading', percent }),
    onRefused: (eventId, reason) => log.write('event_refused', { eventId, reason }),
  });
  const log = openUpdateLog({
    ...settings.updateLog,
    path: join(layout.home, updateLogName),
    command: options.command,
    now: () => new Date(),
    makeFolder: options.changesInstall,
    onFailure: output.warn,
    onEntry: history.recorder.onEntry,
  });
  const showPlan = options.showPlan === undefined ? {} : { showPlan: options.showPlan };
  const events = showEvents(output, log, { ...showPlan, fetchedBytes: fetched.bytes });
  const supervised = superviseApplication(context);
  const host: Host = { ...nodeHost(), fetch: fetched.fetch };
  const relays = openRelays(settings.relay, { ...context, clock: host.clock, random: host.random, log });
  const updater = await makeUpdater(settings, {
    layout,
    bundle,
    host: { ...host, starter: supervised.starter },
    sources: relays === null ? [] : [relays.source],
    credentials,
    gate: gateOf(context, {
      settings,
      home: layout.home,
      log,
      terminalId: async () => (await updater.status()).state?.terminalId ?? null,
    }),
    onEvent(event) {
      events.onEvent(event);
      history.recorder.onEvent(event);
    },
  });
  return {
    layout,
    updater,
    relays,
    log,
    history,
    events,
    supervised,
    health: healthOf(settings, root),
    checkWaitMs: settings.checkWaitMs ?? 5_000,
    mandatoryWaitMs: settings.mandatoryWaitMs ?? 10_000,
    downloadWaitMs: settings.downloadWaitMs ?? 300_000,
    async check({ force, signal, ...options }) {
      // A stick is not asked for what another one said.
      if (bundle !== null) return updater.check({ ...options, signal });
      const { version, blocked } = await updater.status();
      const { server, application, platform, channel } = settings;
      const installed = version?.version ?? null;
      const question = { server: server ?? noServer, application, platform, channel: channel ?? 'stable', installed, blocked };
      const cache = { home: layout.home, now: () => Date.now(), force };
      return checkCached(cache, { ...question, ...options }, () => updater.check({ ...options, signal }));
    },
    bundle,
    async leaveReceipts() {
      if (bundle === null || !history.recorder.hasQueued()) return;
      const terminal = settings.terminalSecret === null ? null : parseTerminalSecret(settings.terminalSecret);
      const { state } = await updater.status();
      await leaveReceipts(context, { folder: bundle, queue: history.queue, terminal, state });
    },
    fetchedBytes: fetched.bytes,
    isInstalled: () => statSync(layout.home, { throwIfNoEntry: false })?.isDirectory() === true,
    startCommand([command, ...args]) {
      return command === undefined ? null : { command, args, folder: root };
    },
    async guard() {
      try {
        await guardInstall(output, layout);
      } catch (error) {
        log.close();
        history.close();
        throw error;
      }
    },
  };
}

interface GateSurroundings {
  readonly settings: Settings<(typeof terminalSettingNames)[number]>;
  readonly home: string;
  readonly log: UpdateLog;
  readonly terminalId: () => Promise<string | null>;
}

function gateOf(context: CommandContext, { settings, home, log, terminalId }: GateSurroundings): InstallGate {
  const root = resolve(settings.root ?? '.');
  const { language, environment, signal } = context;
  return async (release) => {
    const surroundings = { home, terminalId: await terminalId(), language, environment, signal, log: log.write };
    await installGate({ hold: () => holdOf(settings.agent, root, Date.now()), settings, surroundings })(release);
  };
}

/** What is wrong with the settings is told where they are all read. */
function hasBundle(given: Parameters<typeof loadSettings>[1]): boolean {
  try {
    return loadSettings(['bundle'], given).bundle !== null;
  } catch {
    return false;
  }
}

function healthOf({ healthyAfterMs, health }: Settings<'healthyAfterMs' | 'health'>, root: string): HealthRule {
  const { command, ...rest } = health ?? {};
  const program = command === undefined ? {} : { command: { folder: root, args: [], timeLimitMs: healthProbeMs, ...command } };
  return { stillRunningAfterMs: healthyAfterMs ?? 10_000, ...rest, ...program };
}

/** One asking of a health command. */
const healthProbeMs = 10_000;

const historyServer = (
  { server, allowInsecure }: Settings<'server' | 'allowInsecure'>,
  credentials: Credentials,
): HistoryOptions['server'] =>
  server === null ? null : { serverUrl: server, allowInsecure: allowInsecure ?? false, credentials: () => credentials };

/** @throws UpdaterError INSTALL_NOT_FOUND */
export function assertInstalled({ layout, isInstalled }: Terminal): void {
  if (!isInstalled())
    throw new UpdaterError('INSTALL_NOT_FOUND', `nothing was installed in ${layout.root} by this program`, {
      details: { root: layout.root },
    });
}

/** As people write it; null when nothing is installed or it can not be told. */
export async function installedVersion({ updater }: Terminal): Promise<string | null> {
  const { version } = await updater.status();
  return version === null ? null : shownVersion(version);
}

const deliveryMsMax = 2_000;

/** Runs a command on a terminal: its beginning and its failure go to the log, and the workers end with it. */
export async function withTerminal(
  context: CommandContext,
  options: OpenTerminalOptions,
  use: (terminal: Terminal) => Promise<number>,
): Promise<number> {
  const terminal = await openTerminal(context, options);
  try {
    if (options.asksServer) await tellBundle(context, terminal);
    return await use(terminal);
  } catch (error) {
    const code = error instanceof UpdaterError ? error.code : null;
    const message = error instanceof Error ? error.message : String(error);
    // Who is told to stop has not failed: the update goes on the next time.
    const state = error instanceof Interrupted ? {} : { state: 'failed' };
    terminal.log.write('command_failed', { ...state, code, message });
    throw error;
  } finally {
    // A moment at most: the agent, or the next command, tells the rest. Who only looked tells nobody.
    const { history } = terminal;
    if (options.changesInstall || history.recorder.hasQueued())
      await history.deliver(AbortSignal.timeout(deliveryMsMax)).catch(() => null);
    await terminal.leaveReceipts();
    terminal.relays?.tell();
    await terminal.updater.close();
  }
}
