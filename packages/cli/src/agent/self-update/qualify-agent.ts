/**
 * `remendo agent --qualify`: what a new version of this program does before it is put in place. It reads the configuration as
 * the agent does, opens the install and its trust, knocks at the server, and changes nothing. Whether the server answers is
 * told: the version before, which has just spoken with it, waits for another time then.
 */
import { resolve } from 'node:path';
import { createHttpClient, createUpdater, installLayout, isUpdaterError, nodeHost } from '@remendo/core';
import type { CommandContext } from '../../command-context.js';
import type { SettingSources } from '../../config.js';
import { loadSettings } from '../../config-files.js';
import { exitCodes } from '../../exit-codes.js';
import type { SettingName } from '../../settings.js';
import { terminalSettingNames } from '../../terminal/open-terminal.js';
import { programVersion } from '../../version.js';
import { agentConfigOf } from '../agent-config.js';
import { agentSettingNames } from '../job-surroundings.js';

/** All that an agent comes to read in its rounds. */
const settingNames = [
  ...new Set([...agentSettingNames, ...terminalSettingNames, 'selfUpdate'] as const),
] satisfies readonly SettingName[];

/** For thin lines, too. */
const knockMsMax = 20_000;
const answerBytesMax = 64 * 1024;
/** RFC 2606: never anybody's. */
const noServer = 'https://server.invalid/';

/** @throws UpdaterError CONFIG_INVALID with every problem, STORAGE_FAILED where the install can not be read. */
export async function qualifyAgent(context: CommandContext, flags: SettingSources['flags']): Promise<number> {
  const { output, environment } = context;
  const settings = loadSettings(settingNames, { flags, environment }, ['root']);
  const root = resolve(settings.root ?? '.');
  const layout = installLayout(root, settings.home === null ? undefined : resolve(settings.home));
  agentConfigOf(settings.agent);
  const { server, allowInsecure } = settings;
  const http = { allowInsecure: allowInsecure ?? false };
  const updater = createUpdater({ root, home: layout.home, server: server ?? noServer, host: nodeHost(), http });
  try {
    const { version } = await updater.status();
    const trust = await updater.trust();
    const isServerThere = server === null ? null : await knock(server, http);
    output.line(programVersion);
    output.event('qualified', { version: programVersion, installed: version?.version ?? null, trust, isServerThere });
  } finally {
    await updater.close();
  }
  return exitCodes.done;
}

/** Whatever it answers, it is there. */
async function knock(server: string, http: { readonly allowInsecure: boolean }): Promise<boolean> {
  const { clock, random } = nodeHost();
  const client = createHttpClient({ serverUrl: server, clock, random, retries: { retriesMax: 0 }, ...http });
  return client.bytes('healthz', { bytesMax: answerBytesMax, signal: AbortSignal.timeout(knockMsMax) }).then(
    () => true,
    (error: unknown) => isUpdaterError(error) && error.code !== 'DOWNLOAD_FAILED',
  );
}
