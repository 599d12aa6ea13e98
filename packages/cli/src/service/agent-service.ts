/**
 * What keeps the agent running: a unit of systemd, a task of Windows. Both start the same program with the same arguments; a
 * port stands between them and the system, so that what would be done can be shown, and tested, anywhere.
 */
import { createHash } from 'node:crypto';
import { UpdaterError } from '@remendo/core';
import type { ServiceSettings } from './service-settings.js';

export interface AgentDefinition extends Omit<ServiceSettings, 'mode'> {
  readonly mode: 'daemon' | 'timer';
  /** Absolute. */
  readonly root: string;
  /** The updater's folder, absolute. */
  readonly home: string;
  /** The agent's program, absolute, and its arguments. */
  readonly command: readonly [string, ...string[]];
  /** Where the agent updates itself: the program, absolute, that looks first whether an update of it was cut short. */
  readonly spare: string | null;
}

/** What runs before the agent; null: nothing. It ends at once, and what it ends with changes nothing. */
export const guardCommand = ({ command, spare }: AgentDefinition): readonly [string, ...string[]] | null => {
  const at = command.indexOf('agent');
  return spare === null ? null : [spare, ...command.slice(at), '--guard'];
};

/** made, changed: it is there and runs now · kept: it was right · written: a person has to run `commands`. */
export interface ServiceOutcome {
  readonly outcome: 'made' | 'changed' | 'kept' | 'written';
  /** As the system calls it. */
  readonly name: string;
  /** Command lines that are left to a person; empty: none. */
  readonly commands: readonly string[];
}

/** installed: there, and the system does not tell whether it runs · missing: not set up · unknown: the system tells nothing. */
export type ServiceState = 'running' | 'stopped' | 'installed' | 'missing' | 'unknown';

export interface AgentService {
  /** As the system calls it. */
  readonly name: string;
  /** What `install` would do, where anything is to be done. */
  plan(): readonly string[];
  /** Whether `install` only writes down, in the updater's folder, what a person has to do. */
  isByHand(): boolean;
  /** Whether `install` would change nothing. */
  isRight(): Promise<boolean>;
  /** @throws UpdaterError SERVICE_FAILED, with what a person can do instead, where this program has not the right to install. */
  assertAllowed(): Promise<void>;
  /**
   * Changes nothing that is right. @throws UpdaterError SERVICE_FAILED, STORAGE_FAILED; may be called again.
   * @param restarts also an agent that runs as it should: what it read when it started has changed.
   */
  install(restarts?: boolean): Promise<ServiceOutcome>;
  /** Stops it and takes it away. @returns false when there was none. @throws UpdaterError SERVICE_FAILED, STORAGE_FAILED */
  remove(): Promise<boolean>;
  state(): Promise<ServiceState>;
}

/** One for each install root of a machine: `remendo-erp-1a2b3c4d`, the same whenever it is asked for. */
export function agentName(root: string): string {
  const last = root.split(/[\\/]/).findLast((part) => part !== '') ?? '';
  const readable = last
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 32);
  const digest = createHash('sha256').update(root).digest('hex').slice(0, 8);
  return ['remendo', readable, digest].filter((part) => part !== '').join('-');
}

/** What no unit and no task can hold. @throws UpdaterError CONFIG_INVALID */
export function assertPlainText(texts: readonly string[]): void {
  const odd = texts.find((text) => /[\p{Cc}\p{Cs}\ufffe\uffff]/u.test(text));
  if (odd !== undefined)
    throw new UpdaterError(
      'CONFIG_INVALID',
      `${JSON.stringify(odd)} can not be an argument of a service: it has control characters`,
    );
}
