import { join } from 'node:path';
import type { FileSystem } from '../file-system/file-system.js';
import { placePath, type Slot } from './change.js';
import type { InstallLayout } from './install-layout.js';
import type { Journal } from './journal.js';
import type { StepPhase } from './journal-record.js';
import type { TransactionState } from './journal-state.js';
import type { StepRunner } from './step-runner.js';

/** Events of the pipeline around the swap; `output` is the end of what the program wrote. */
type StepEvent =
  | { readonly kind: 'step-began'; readonly phase: StepPhase; readonly name: string }
  | {
      readonly kind: 'step-ended';
      readonly phase: StepPhase;
      readonly name: string;
      readonly durationMs: number;
      readonly output: string;
      /** Null: it succeeded. */
      readonly failure: string | null;
      readonly backupPath: string | null;
    }
  | {
      readonly kind: 'step-undone';
      readonly phase: StepPhase;
      readonly name: string;
      readonly durationMs: number;
      readonly output: string;
      readonly failure: string | null;
    }
  /** Nothing goes on by itself: see INSTALL_MAINTENANCE. */
  | { readonly kind: 'update-held'; readonly version: string; readonly reason: string };

export type TransactionEvent =
  | StepEvent
  | { readonly kind: 'transaction-state-entered'; readonly transaction: string; readonly state: TransactionState }
  | { readonly kind: 'staged-file-verified'; readonly path: string; readonly bytes: number }
  | { readonly kind: 'file-moved'; readonly path: string; readonly from: string; readonly to: string }
  /** Something that is only in the way of tidiness could not be removed; the next transaction tries again. */
  | { readonly kind: 'leftover-kept'; readonly path: string };

/** What the steps of one transaction share. */
export interface TransactionContext {
  readonly fileSystem: FileSystem;
  readonly layout: InstallLayout;
  readonly journal: Journal;
  /** Null: this program runs no steps; those that a journal holds are then left to one that does. */
  readonly steps: StepRunner | null;
  readonly notify: (event: TransactionEvent) => void;
}

export const stagingFolder = ({ layout, journal }: TransactionContext): string =>
  join(layout.staging, journal.contents.transaction);

export const previousFolder = ({ layout, journal }: TransactionContext): string =>
  join(layout.previous, journal.contents.transaction);

export const stagedPath = (context: TransactionContext, index: number): string => join(stagingFolder(context), String(index));

export const previousPath = (context: TransactionContext, index: number): string => join(previousFolder(context), String(index));

/** Where the target goes. */
export const livePath = (context: TransactionContext, slot: Slot): string => placePath(context.layout, slot.place, slot.path);

/** Where the base was: the same file, maybe in another spelling. */
export const basePathOf = (context: TransactionContext, slot: Slot): string => placePath(context.layout, slot.place, slot.basePath);
