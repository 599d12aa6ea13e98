import type { AheadFile, BackupResult, GoodFile, JobRecord, Proof } from './records.js';

/** What one look at a job gives. */
export interface CheckedJob {
  readonly result: BackupResult;
  readonly proofs: Proof[];
  readonly ahead: AheadFile[];
  /** The newest backup, when its size may be held against later ones. */
  readonly good: GoodFile | null;
  readonly proven: JobRecord['proven'];
  /** The newest file is still being written; what was said is about the one before. */
  readonly isGrowing: boolean;
}
