/** The backup monitor from settings: what the commands, the agent and the gate of an update open it with. */
import { hostname } from 'node:os';
import { nodeClock, nodeRandom } from '@remendo/core';
import { credentialNames, credentialsOf } from '../credentials.js';
import type { Language } from '../language.js';
import type { SettingName, Settings } from '../settings.js';
import type { BackupMonitorOptions } from './backup-monitor.js';
import { lookerApart } from './look-apart.js';
import { parseBackups } from './parse-backups.js';

export const backupSettingNames = [
  'server',
  'allowInsecure',
  'backups',
  ...credentialNames,
] as const satisfies readonly SettingName[];

export interface BackupSurroundings {
  /** The updater's folder. */
  readonly home: string;
  /** As the updater names this machine to the server; null: by its host name. */
  readonly terminalId: string | null;
  /** Of alerts. */
  readonly language: Language;
  readonly environment: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
  readonly log: (event: string, fields: object) => void;
}

/**
 * Null when no backups are configured. Results go to the server when there is one and this machine has a key for it.
 * @throws UpdaterError CONFIG_INVALID with every problem.
 */
export function backupOptionsOf(
  settings: Settings<(typeof backupSettingNames)[number]>,
  { home, terminalId, language, environment, signal, log }: BackupSurroundings,
): BackupMonitorOptions | null {
  const { server } = settings;
  const credentials = credentialsOf(settings);
  if (settings.backups === null) return null;
  const allowInsecure = settings.allowInsecure ?? false;
  const backups = parseBackups(settings.backups, { home, environment, language, allowInsecure });
  const hasServer = server !== null && Object.keys(credentials).length > 0;
  return {
    ...{ home, backups, environment, signal, log },
    terminal: terminalId ?? nameOfMachine(),
    looker: lookerApart({ environment }),
    clock: nodeClock(),
    random: nodeRandom(),
    server: hasServer ? { url: server, allowInsecure, credentials } : null,
  };
}

/** It goes into a header. */
const nameOfMachine = (): string =>
  hostname()
    .replace(/[^\x21-\x7e]/g, '-')
    .slice(0, 128) || 'unnamed';
