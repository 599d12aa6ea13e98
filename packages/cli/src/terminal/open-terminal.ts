/** Everything a terminal's command works with: its settings, the updater, the log, and the application's supervisor. */
import { statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import {
  createUpdater,
  type HealthRule,
  type Host,
  type InstallLayout,
  installLayout,
  limits,
  nodeHost,
  type StartCommand,
  shownVersion,
  type Updater,
  UpdaterError,
} from '@remendo/core';
import type { CommandContext } from '../command-context.js';
import type { SettingName, SettingSources } from '../config.js';
import { loadSettings } from '../config-files.js';
import { readNamedFile } from '../named-path.js';
import { guardInstall } from '../permissions/guard-install.js';
import { countFetched } from './count-fetched.js';
import { type ShownEvents, showEvents } from './show-events.js';
import { type Supervised, superviseApplication } from './supervised-starter.js';
import { openUpdateLog, type UpdateLog } from './update-log.js';

export interface Terminal {
  readonly layout: InstallLayout;
  readonly updater: Updater;
  readonly log: UpdateLog;
  readonly events: ShownEvents;
  readonly supervised: Supervised;
  readonly health: HealthRule;
  /** How long `launch` may keep the application waiting for a check. */
  readonly checkWaitMs: number;
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

const settingNames = [
  'root',
  'home',
  'server',
  'application',
  'platform',
  'channel',
  'preserve',
  'bandwidthBytesPerSecond',
  'healthyAfterMs',
  'checkWaitMs',
  'allowInsecure',
  'openpgpKeys',
  'trustRoot',
  'trustFirstUse',
  'apiKey',
  'apiSecret',
] as const satisfies readonly SettingName[];

/** RFC 2606: never anybody's. Commands that ask no server have none. */
const noServer = 'https://server.invalid/';

/** @throws UpdaterError CONFIG_INVALID with every problem, DOWNLOAD_INSECURE. */
async function openTerminal(context: CommandContext, options: OpenTerminalOptions): Promise<Terminal> {
  const { output, environment } = context;
  const settings = loadSettings(
    settingNames,
    { flags: options.flags, environment },
    options.asksServer ? ['root', 'server'] : ['root'],
  );
  const root = resolve(settings.root ?? '.');
  const layout = installLayout(root, settings.home === null ? undefined : resolve(settings.home));
  const log = openUpdateLog({
    path: join(layout.home, 'update.log'),
    command: options.command,
    now: () => new Date(),
    makeFolder: options.changesInstall,
    onFailure: output.warn,
  });
  const events = showEvents(output, log, options.showPlan);
  const supervised = superviseApplication(context);
  const fetched = countFetched(globalThis.fetch);
  const host: Host = { ...nodeHost(), fetch: fetched.fetch };
  const credentials = credentialsOf(settings);
  const openPgpKeys = await openPgpKeysOf(settings);
  const updater = createUpdater({
    root,
    home: layout.home,
    server: settings.server ?? noServer,
    host: { ...host, starter: supervised.starter },
    channel: settings.channel ?? 'stable',
    preserve: settings.preserve ?? [],
    ...(settings.application === null ? {} : { application: settings.application }),
    ...(settings.platform === null ? {} : { platform: settings.platform }),
    ...(settings.bandwidthBytesPerSecond === null ? {} : { bandwidthBytesPerSecond: settings.bandwidthBytesPerSecond }),
    trust: {
      kind: 'signed',
      firstUse: settings.trustFirstUse ?? true,
      ...(settings.trustRoot === null ? {} : { root: await readNamedFile(settings.trustRoot, limits.rootBytesMax) }),
    },
    ...(openPgpKeys === null ? {} : { openPgpKeys }),
    http: { allowInsecure: settings.allowInsecure ?? false, credentials: () => credentials },
    onEvent: events.onEvent,
  });
  return {
    layout,
    updater,
    log,
    events,
    supervised,
    health: { stillRunningAfterMs: settings.healthyAfterMs ?? 10_000 },
    checkWaitMs: settings.checkWaitMs ?? 5_000,
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
        throw error;
      }
    },
  };
}

/** Where they can not be read nothing is installed: not having them would mean that nothing has to be signed. */
const openPgpKeysOf = async ({ openpgpKeys: path }: { readonly openpgpKeys: string | null }): Promise<Uint8Array | null> =>
  path === null ? null : readNamedFile(path, limits.openPgpKeysBytesMax);

function credentialsOf({
  apiKey,
  apiSecret,
}: {
  readonly apiKey: string | null;
  readonly apiSecret: string | null;
}): Readonly<Record<string, string>> {
  if ((apiKey === null) !== (apiSecret === null)) {
    const problems = ['REMENDO_API_KEY and REMENDO_API_SECRET belong together; one of them is missing'];
    throw new UpdaterError('CONFIG_INVALID', 'the settings are not right', { details: { problems } });
  }
  return apiKey === null || apiSecret === null ? {} : { authorization: `Bearer ${apiKey}`, 'x-api-secret': apiSecret };
}

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

/** Runs a command on a terminal: its beginning and its failure go to the log, and the workers end with it. */
export async function withTerminal(
  context: CommandContext,
  options: OpenTerminalOptions,
  use: (terminal: Terminal) => Promise<number>,
): Promise<number> {
  const terminal = await openTerminal(context, options);
  try {
    return await use(terminal);
  } catch (error) {
    const code = error instanceof UpdaterError ? error.code : null;
    const message = error instanceof Error ? error.message : String(error);
    terminal.log.write('command_failed', { state: 'failed', code, message });
    throw error;
  } finally {
    await terminal.updater.close();
  }
}
