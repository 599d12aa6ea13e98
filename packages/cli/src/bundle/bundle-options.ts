import type { credentialNames } from '../credentials.js';
import type { Settings } from '../settings.js';

export interface BundleOptions {
  readonly release: string;
  /** Versions, or `any`. */
  readonly from?: readonly string[];
  readonly out: string;
  /** False: the full zip only where a way needs it. */
  readonly zip: boolean;
  /** Nothing of what the folder held before. */
  readonly only?: boolean;
  readonly wait?: boolean;
  /** Files to carry along for a first install. */
  readonly program?: readonly string[];
}

export type BundleSettings = Settings<
  'server' | 'application' | 'platform' | 'allowInsecure' | 'token' | 'trustRoot' | (typeof credentialNames)[number]
>;
