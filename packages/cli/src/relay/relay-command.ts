/** `remendo relay`: fetches once for all terminals of a branch, until it is told to end. */
import { join, resolve } from 'node:path';
import { nodeHost, UpdaterError } from '@remendo/core';
import type { CommandContext } from '../command-context.js';
import type { SettingSources } from '../config.js';
import { loadSettings } from '../config-files.js';
import { credentialNames, credentialsOf } from '../credentials.js';
import { exitCodes } from '../exit-codes.js';
import { told } from '../output/phrases/told.js';
import { quantities } from '../output/quantity.js';
import { openUpdateLog, type UpdateLog } from '../terminal/update-log.js';
import { announceRelay } from './mdns.js';
import { relayMessages } from './messages.js';
import { addressTest } from './networks.js';
import { type OpenRelay, openRelay } from './open-relay.js';
import { problemsOf, type RelayConfig, relayConfigOf } from './relay-settings.js';

export interface RelayGiven {
  readonly flags: SettingSources['flags'];
  /** Flags of the command's own; they go before the settings. */
  readonly overrides: { readonly host?: string; readonly port?: number; readonly folder?: string };
}

const settingNames = [
  'root',
  'home',
  'server',
  'allowInsecure',
  'bandwidthBytesPerSecond',
  'relayServer',
  ...credentialNames,
] as const;

/** How often numbers are told, when there are new ones. */
const tellEveryMs = 60_000;

const isLoopback = addressTest(['127.0.0.0/8', '::1/128']);

export async function runRelay(context: CommandContext, { flags, overrides }: RelayGiven): Promise<number> {
  const settings = loadSettings(settingNames, { flags, environment: context.environment }, ['server']);
  const { server } = settings;
  if (server === null) throw new TypeError('settings were not checked');
  const config = relayConfigOf({ ...settings.relayServer, ...overrides });
  const folder = folderOf(settings, overrides.folder ?? settings.relayServer?.folder ?? null, problemsOf(config));
  const log = openUpdateLog({
    path: join(folder, 'relay.log'),
    command: 'relay',
    now: () => new Date(),
    makeFolder: true,
    onFailure: context.output.warn,
  });
  const say = relayMessages(context.language);
  const relay = await openRelay({
    config,
    folder,
    server,
    allowInsecure: settings.allowInsecure ?? false,
    credentials: credentialsOf(settings),
    bandwidthBytesPerSecond: settings.bandwidthBytesPerSecond,
    host: nodeHost(),
    onEvent(event, fields) {
      tell(context, log, event, fields);
      const { reason } = fields as { readonly reason?: string };
      if (event === 'transfer_failed' && reason !== undefined) context.output.note(say.failed(told(reason, context.language)));
      if (event === 'plan_failed' && reason !== undefined) context.output.note(say.noPlan(told(reason, context.language)));
    },
  });
  try {
    await serve(context, { relay, config, folder, log });
  } finally {
    await relay.close();
  }
  tell(context, log, 'ended', relay.traffic());
  context.output.line(say.ended);
  return exitCodes.done;
}

/** @throws UpdaterError CONFIG_INVALID with every problem. */
function folderOf(
  { root, home }: { readonly root: string | null; readonly home: string | null },
  given: string | null,
  problems: readonly string[],
): string {
  const own = home ?? (root === null ? null : join(root, '.remendo'));
  const folder = given ?? (own === null ? null : join(own, 'relay'));
  const missing = folder === null ? ['--folder is missing (or relayServer.folder): where the relay keeps what it fetched'] : [];
  const all = [...problems, ...missing];
  if (folder === null || all.length > 0)
    throw new UpdaterError('CONFIG_INVALID', 'the settings are not right', { details: { problems: all } });
  return resolve(folder);
}

interface Serving {
  readonly relay: OpenRelay;
  readonly config: RelayConfig;
  readonly folder: string;
  readonly log: UpdateLog;
}

/** Until somebody ends the command. */
async function serve(context: CommandContext, { relay, config, folder, log }: Serving): Promise<void> {
  const { output, signal, language } = context;
  const say = relayMessages(language);
  const { bytes } = quantities[language];
  const { cacheBytes } = relay.traffic();
  tell(context, log, 'listening', { urls: relay.urls, port: relay.port, folder, cacheBytes, cacheBytesMax: config.cacheBytes });
  output.line(say.listening(relay.urls.join(', ')));
  output.line(say.cache(folder, bytes(cacheBytes), bytes(config.cacheBytes)));
  // At an address of this machine's own nobody else could reach it.
  const isAnnounced = config.announce && !isLoopback(config.host);
  if (isAnnounced) output.line(say.announced);
  const announced = isAnnounced
    ? announceRelay({ host: config.host, port: relay.port }, (reason) =>
        output.warn(say.notAnnounced(told(reason, context.language))),
      )
    : null;
  const numbers = tellNumbers(context, relay, log);
  await new Promise<void>((ended) => {
    if (signal.aborted) ended();
    signal.addEventListener('abort', () => ended(), { once: true });
  });
  clearInterval(numbers);
  await announced?.end();
}

function tellNumbers(context: CommandContext, relay: OpenRelay, log: UpdateLog): NodeJS.Timeout {
  const { output, language } = context;
  const { bytes, number } = quantities[language];
  let before = JSON.stringify(relay.traffic());
  return setInterval(() => {
    const traffic = relay.traffic();
    const now = JSON.stringify(traffic);
    if (now === before) return;
    before = now;
    tell(context, log, 'traffic', traffic);
    const { bytesServed, bytesUpstream, requests, hits } = traffic;
    output.line(relayMessages(language).traffic(bytes(bytesServed), bytes(bytesUpstream), number(requests), number(hits)));
  }, tellEveryMs);
}

function tell({ output }: CommandContext, log: UpdateLog, event: string, fields: object): void {
  output.event(event, fields);
  log.write(event, fields);
}
