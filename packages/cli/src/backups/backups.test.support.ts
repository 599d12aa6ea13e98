/** Real folders with backups in them, and a monitor whose clock stands still until it is told to move. */
import { mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { nodeRandom } from '@remendo/core';
import { buildZip, type ManualClock, manualClock } from '@remendo/core/testing';
import { onTestFinished } from 'vitest';
import type { BackupMonitorOptions } from './backup-monitor.js';
import type { BackupJobSettings, BackupSettings } from './backup-settings.js';
import { parseBackups } from './parse-backups.js';

export const minuteMs = 60_000;
export const hourMs = 60 * minuteMs;
export const never: AbortSignal = new AbortController().signal;

export const content = (bytes: number): Buffer => Buffer.alloc(bytes, 'backup ');
export const zipOf = (bytes: number): Uint8Array => buildZip([{ name: 'C:\\dados\\erp.fdb', content: content(bytes), method: 0 }]);
export const gzipOf = (bytes: number): Uint8Array => gzipSync(content(bytes));

export interface World {
  /** Where backups are, and the updater's folder. */
  readonly folder: string;
  readonly home: string;
  readonly clock: ManualClock;
  readonly logged: (readonly [event: string, fields: Readonly<Record<string, unknown>>])[];
  /** Writes a file as if it had been done so long ago. */
  put(name: string | Buffer, bytes: Uint8Array | string, ageMs?: number): Promise<void>;
  options(settings: Partial<BackupSettings>, more?: Partial<BackupMonitorOptions>): BackupMonitorOptions;
}

/** Gone when the test is over. */
export async function newWorld(): Promise<World> {
  const top = await mkdtemp(join(tmpdir(), 'remendo-backups-'));
  onTestFinished(() => rm(top, { recursive: true, force: true }));
  const [folder, home] = [join(top, 'backups'), join(top, 'home')];
  await mkdir(folder);
  await mkdir(home);
  const clock = manualClock(1_000);
  const logged: World['logged'] = [];
  return {
    folder,
    home,
    clock,
    logged,
    async put(name, bytes, ageMs = hourMs) {
      const path = Buffer.concat([Buffer.from(`${folder}/`), Buffer.from(name)]);
      await mkdir(path.subarray(0, path.lastIndexOf('/')), { recursive: true });
      await writeFile(path, bytes);
      const time = (clock.now() - ageMs) / 1_000;
      await utimes(path, time, time);
    },
    options: (settings, more = {}) => ({
      home,
      backups: parseBackups({ jobs: [], ...settings }, { home, environment: process.env, language: 'en', allowInsecure: false }),
      server: null,
      terminal: 'till-1',
      clock,
      random: nodeRandom(),
      environment: process.env,
      signal: never,
      log: (event, fields) => void logged.push([event, fields as Readonly<Record<string, unknown>>]),
      freeBytes: async () => 10_000_000_000,
      ...more,
    }),
  };
}

/** A job with the defaults, but for what is said. */
export const jobIn = ({ folder }: Pick<World, 'folder'>, more: Partial<BackupJobSettings> = {}): BackupJobSettings => ({
  name: 'database',
  folder,
  ...more,
});
