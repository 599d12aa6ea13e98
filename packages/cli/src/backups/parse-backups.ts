/** The setting `backups` as jobs and targets with every default in place, and everything that is wrong with it at once. */
import { isAbsolute, resolve } from 'node:path';
import { isUpdaterError, UpdaterError } from '@remendo/core';
import { Cron } from 'croner';
import { readSecret } from '../config-files.js';
import type { Language } from '../language.js';
import type { BackupJobSettings, BackupSettings, verifications } from './backup-settings.js';
import { type BackupTarget, oneForEach, parseTarget } from './parse-target.js';

export type Verification = (typeof verifications)[number];

export interface BackupJob {
  readonly name: string;
  readonly folder: string;
  /** Glob, with `/` between folders. */
  readonly files: string;
  /** Null: every `intervalSeconds`. */
  readonly cron: Cron | null;
  /** The longest time between two backups. */
  readonly intervalSeconds: number;
  readonly graceSeconds: number;
  readonly checkSeconds: number;
  readonly lookSecondsMax: number;
  readonly settleSeconds: number;
  readonly bytesMin: number;
  readonly shrinkShareMax: number;
  readonly copiesMin: number;
  /** What has to be proved; null: what can be. */
  readonly verify: readonly Verification[] | null;
  readonly command: readonly string[];
  readonly commandSecondsMax: number;
  readonly verifyAgainHours: number;
  readonly freeBytesMin: number;
  /** Names of their queues; null: all targets. */
  readonly tell: readonly string[] | null;
  readonly guardsUpdates: boolean;
}

export interface Backups {
  readonly jobs: readonly BackupJob[];
  /** One for each recipient. */
  readonly targets: readonly BackupTarget[];
  readonly branch: string | null;
  readonly maxAgeHours: number | null;
}

/** The target that every job has beside the configured ones, where this machine knows a server. */
export const serverTarget = 'server';

const daySeconds = 86_400;
const yearSeconds = 365 * daySeconds;

const defaults = {
  files: '*',
  intervalSeconds: daySeconds,
  graceSeconds: 4 * 3_600,
  lookSecondsMax: 6 * 3_600,
  settleSeconds: 120,
  bytesMin: 1,
  shrinkShareMax: 0.5,
  copiesMin: 1,
  verify: null,
  command: [],
  commandSecondsMax: 3_600,
  verifyAgainHours: 7 * 24,
  freeBytesMin: 1_000_000_000,
  tell: null,
  guardsUpdates: true,
} as const;

export interface BackupSources {
  /** Names of files with secrets count from here: the updater's folder. */
  readonly home: string;
  readonly environment: NodeJS.ProcessEnv;
  /** Of alerts whose target names none. */
  readonly language: Language;
  readonly allowInsecure: boolean;
}

/** @throws UpdaterError CONFIG_INVALID with every problem; no secret is in any. */
export function parseBackups(settings: BackupSettings, sources: BackupSources): Backups {
  const problems: string[] = [];
  const attempt = <T>(where: string, parse: () => T): T[] => {
    try {
      return [parse()];
    } catch (error) {
      problems.push(...problemsOf(error).map((problem) => `backups.${where}: ${problem}`));
      return [];
    }
  };
  const given = { ...sources, readSecret: (path: string) => readSecret(resolve(sources.home, path)) };
  const parsed = (settings.targets ?? []).flatMap((one) => attempt(one.name, () => parseTarget(one, given)));
  const queues = new Map(parsed.map((target) => [target.name, oneForEach(target)]));
  const targets = parsed.flatMap((target) => oneForEach(target));
  const names = [serverTarget, ...(settings.targets ?? []).map(({ name }) => name)];
  const queuesOf = (name: string): readonly string[] => queues.get(name)?.map((one) => one.name) ?? [name];
  const jobs = settings.jobs
    .flatMap((one) => attempt(one.name, () => parseJob(one, names)))
    .map((job) => ({ ...job, tell: job.tell?.flatMap(queuesOf) ?? null }));
  problems.push(...repeated(names).map((name) => `backups.targets: ${name} is there twice, or the server's own name`));
  problems.push(...repeated(settings.jobs.map(({ name }) => name)).map((name) => `backups.jobs: ${name} is there twice`));
  const maxAgeHours = settings.backupMaxAgeHours ?? null;
  if (maxAgeHours !== null && !settings.jobs.some(({ guardsUpdates }) => guardsUpdates !== false))
    problems.push('backups.backupMaxAgeHours: no job guards updates');
  if (problems.length > 0) throw new UpdaterError('CONFIG_INVALID', 'the settings are not right', { details: { problems } });
  return { jobs, targets, branch: settings.branch ?? null, maxAgeHours };
}

const problemsOf = (error: unknown): readonly string[] => {
  if (isUpdaterError(error) && Array.isArray(error.details.problems)) return error.details.problems as readonly string[];
  return [(error as Error).message];
};

const repeated = (names: readonly string[]): readonly string[] => [
  ...new Set(names.filter((name, index) => names.indexOf(name) !== index)),
];

/** @throws UpdaterError CONFIG_INVALID */
function parseJob(given: BackupJobSettings, targets: readonly string[]): BackupJob {
  const problems: string[] = [];
  if (!isAbsolute(given.folder)) problems.push('folder must be absolute');
  if (given.cron !== undefined && given.intervalSeconds !== undefined) problems.push('cron and intervalSeconds exclude each other');
  const cron = given.cron === undefined ? null : parseCron(given.cron, problems);
  if ((given.verify?.includes('command') ?? false) !== (given.command !== undefined))
    problems.push('verify with command and the command itself belong together');
  if (!isAbsolute(given.command?.[0] ?? '/')) problems.push('command has to begin with the absolute path of a program');
  for (const name of given.tell ?? []) if (!targets.includes(name)) problems.push(`tell names ${name}, which is no target`);
  if (problems.length > 0) throw new UpdaterError('CONFIG_INVALID', 'a backup job is not right', { details: { problems } });
  const intervalSeconds = cron === null ? (given.intervalSeconds ?? defaults.intervalSeconds) : longestGapSeconds(cron);
  const checkSeconds = given.checkSeconds ?? Math.min(3_600, intervalSeconds);
  return { ...defaults, ...given, files: withSlashes(given.files ?? defaults.files), cron, intervalSeconds, checkSeconds };
}

function parseCron(expression: string, problems: string[]): Cron | null {
  try {
    const cron = new Cron(expression, { mode: '5-part' });
    if (cron.nextRun() !== null) return cron;
    problems.push('cron names no time that will come');
  } catch (error) {
    problems.push(`cron can not be read: ${(error as Error).message}`);
  }
  return null;
}

const weekMs = 7 * 86_400_000;
const stepMs = 3_600_000;

/**
 * How long it may be quiet between two backups: what a night, a weekend, or the end of a month makes of it. The next 64 times say
 * it of whatever happens once a day or less; of a busier schedule a week is looked at, hour by hour.
 */
function longestGapSeconds(cron: Cron): number {
  const runs = cron.nextRuns(64).map((run) => run.getTime());
  const gaps = runs.slice(1).map((at, index) => at - (runs[index] ?? at));
  const [first = 0] = runs;
  for (let atMs = first; (runs.at(-1) ?? 0) < first + weekMs && atMs < first + weekMs; ) {
    const nextMs = cron.nextRun(new Date(atMs))?.getTime() ?? atMs;
    const lastMs = cron.previousRuns(1, new Date(nextMs))[0]?.getTime() ?? nextMs;
    gaps.push(nextMs - lastMs);
    atMs = Math.max(nextMs, atMs + stepMs);
  }
  return Math.min(yearSeconds, Math.max(60, ...gaps.map((gap) => gap / 1_000)));
}

/** Windows writes `2026\*.zip`; in globs a backslash takes the meaning of what follows. */
const withSlashes = (glob: string): string => (process.platform === 'win32' ? glob.replaceAll('\\', '/') : glob);
