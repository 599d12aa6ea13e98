/** What the library tells while it works. It never logs: the edges make lines, bars and records of these. */
import type { ErrorCode } from '../errors.js';
import type { PlanCost } from '../planner/plan.js';
import type { TransactionEvent } from '../transaction/transaction-context.js';
import type { OpenPgpSigner } from '../trust/openpgp-signature.js';

export type UpdateEvent =
  | TransactionEvent
  /** `reason`: why it went back. */
  | { readonly kind: 'recovered'; readonly outcome: string; readonly reason?: string }
  /** No root of trust was shipped: the server's was taken, and is the one from now on. */
  | { readonly kind: 'root-taken'; readonly keyIds: readonly string[] }
  | { readonly kind: 'base-identified'; readonly version: string; readonly matched: number; readonly files: number }
  | {
      readonly kind: 'plan-chosen';
      readonly application: string;
      readonly platform: string;
      /** Canonical; null: nothing is installed, or it can not be told. */
      readonly base: string | null;
      readonly version: string;
      /** Of the release's full zip. */
      readonly zipBytes: number;
      readonly label: string;
      readonly cost: PlanCost;
      readonly losers: readonly { readonly label: string; readonly costBytes: number | null; readonly reason: string }[];
    }
  | { readonly kind: 'download-progressed'; readonly bytesDone: number; readonly bytesTotal: number }
  | {
      readonly kind: 'content-made';
      readonly path: string;
      readonly how: 'patch' | 'whole' | 'zip' | 'copy';
      readonly contentsDone: number;
      readonly contentsTotal: number;
    }
  /** A file that should have been a base, or a patch, was not what it should be: that content is fetched whole. */
  | {
      readonly kind: 'content-healed';
      readonly path: string;
      readonly code: ErrorCode | null;
      readonly reason: string;
      readonly fetchedBytes: number;
    }
  /** A whole plan did not work out: the next one is tried. */
  | {
      readonly kind: 'plan-failed';
      readonly label: string;
      readonly code: ErrorCode | null;
      readonly reason: string;
      readonly next: string;
    }
  /** A pinned OpenPGP key signed the full zip; fingerprints in upper-case hex, `signedAtMs` since 1970 by the signer's clock. */
  | ({ readonly kind: 'signature-verified' } & OpenPgpSigner)
  | { readonly kind: 'staged'; readonly files: number; readonly bytes: number }
  | { readonly kind: 'committed'; readonly version: string }
  | { readonly kind: 'confirmed'; readonly version: string }
  /** The application came up and runs, but that could not be written down: the next start proves it again. */
  | { readonly kind: 'confirm-failed'; readonly version: string; readonly code: ErrorCode | null; readonly reason: string }
  | { readonly kind: 'rolled-back'; readonly version: string | null; readonly reason: string };

export type OnUpdateEvent = (event: UpdateEvent) => void;
