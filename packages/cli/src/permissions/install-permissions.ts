/**
 * Who can write to an install. What an updater runs and replaces has to be safe from those who may not do what it may:
 * whoever can write to the install root, to the updater's folder or to a folder above them decides what is run next.
 */
import type { InstallLayout } from '@remendo/core';

/** Somebody besides this program's own account and those that may do everything anyway. */
export interface OtherWriter {
  readonly path: string;
  /** `group 100`, `everybody`, `Authenticated Users (S-1-5-11)`, … */
  readonly who: string;
}

export interface Safety {
  readonly writers: readonly OtherWriter[];
  /** Whether this program may do more than they: then what they write would be run with rights they do not have. */
  readonly isPrivileged: boolean;
  /** Why it can not be told who can write, where that is so. */
  readonly unknown: string | null;
}

/** One change of permissions: shown first, made then. */
export interface TighteningStep {
  readonly line: string;
  /** @throws Error with a sentence of the system's. */
  readonly apply: () => Promise<void>;
}

export interface InstallPermissions {
  /**
   * @param isTightened what can be taken away by tightening counts as taken away.
   */
  inspect(layout: InstallLayout, isTightened?: boolean): Promise<Safety>;
  /** What has to change so that others can not write to the root and not look into the updater's folder. */
  planTightening(layout: InstallLayout): Promise<readonly TighteningStep[]>;
}
