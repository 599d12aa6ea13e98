/** What is asked of an update, and how one ends. */
import type { CheckAnswer } from '../protocol/index.js';
import type { HealthRule, RunningApplication, StartCommand } from './prove-start.js';

export type CheckResult =
  | { readonly kind: 'up-to-date'; readonly installed: string | null }
  /** There is none for this terminal now, and why: `no_release`, `not_in_rollout`, … */
  | { readonly kind: 'not-offered'; readonly installed: string | null; readonly reason: string }
  /** The offered version was rolled back on this terminal. */
  | { readonly kind: 'blocked'; readonly installed: string | null; readonly version: string }
  | { readonly kind: 'available'; readonly installed: string | null; readonly version: string; readonly answer: CheckAnswer };

export type UpdateResult =
  | Exclude<CheckResult, { kind: 'available' }>
  | {
      readonly kind: 'updated';
      readonly base: string | null;
      readonly version: string;
      readonly plan: string;
      readonly changedFiles: number;
      readonly running: RunningApplication | null;
      /** Set when the version is a step on the way that no terminal may leave out: what the next update leads to. */
      readonly finalVersion: string | null;
    }
  | { readonly kind: 'rolled-back'; readonly base: string | null; readonly version: string; readonly reason: string };

export type StartResult =
  /** Nothing was waiting to be proved. */
  | { readonly kind: 'started'; readonly running: RunningApplication }
  | { readonly kind: 'confirmed'; readonly running: RunningApplication }
  | { readonly kind: 'rolled-back'; readonly version: string; readonly reason: string; readonly running: RunningApplication };

export type PrepareResult =
  | Exclude<CheckResult, { kind: 'available' }>
  | { readonly kind: 'prepared'; readonly installed: string | null; readonly version: string; readonly plan: string };

export interface UpdateOptions {
  /** Install this release instead of the newest offered; the installed one: put what is damaged in order. */
  readonly version?: string;
  /** Try a version again that was rolled back here, and go on with one that is held (default false). */
  readonly retry?: boolean;
  /** Go to an older version when the server says that policy wants it (default false: it is not offered). */
  readonly allowDowngrade?: boolean;
  /** Start the application afterwards and roll back unless it proves healthy. Left out, the update is confirmed as it is. */
  readonly start?: StartCommand;
  /**
   * Without `start`: leave the update committed, for the next `start` to prove (default false: it is confirmed). For a service,
   * which can not start programs with windows.
   */
  readonly awaitsLaunch?: boolean;
  /** Leave out the steps that make backups (default false); the way back is kept all the same. */
  readonly skipBackup?: boolean;
  readonly health?: HealthRule;
  /** How long the server has, before the swap, to say that the release is no longer offered; no answer says nothing (default 60 s). */
  readonly askAgainWaitMs?: number;
  readonly signal?: AbortSignal;
}
