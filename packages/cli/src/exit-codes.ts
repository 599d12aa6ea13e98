/**
 * What the shell gets to see. One number per class of failure, and a class per prefix of the error codes; scripts rely on
 * them, so a number never changes its meaning. docs/cli.md lists them, and a test holds the two together.
 */
import { type ErrorCode, isUpdaterError } from '@remendo/core';

export const exitCodes = {
  done: 0,
  /** A mistake of this program: nothing a caller did. */
  unexpected: 1,
  usage: 2,
  limit: 10,
  request: 11,
  server: 12,
  auth: 13,
  manifest: 14,
  application: 15,
  release: 16,
  plan: 17,
  download: 18,
  artifact: 19,
  delta: 20,
  patch: 21,
  transaction: 22,
  start: 23,
  install: 24,
  storage: 25,
  trust: 26,
  budget: 27,
  license: 28,
  record: 29,
  notification: 30,
  step: 31,
  requirement: 32,
  backup: 33,
  bundle: 34,
  service: 35,
  /** The agent has another version in its place, and has to be started again. */
  restart: 36,
  /** The console was closed (SIGHUP); this and the next two as shells have them, 128 and the signal's number. */
  hungUp: 129,
  /** Ctrl-C (SIGINT). */
  interrupted: 130,
  /** SIGTERM. */
  terminated: 143,
} as const;

export type ExitClass = keyof typeof exitCodes;

/** Exhaustive: a new error code does not compile before its class is decided. */
export const exitClassOf: Readonly<Record<ErrorCode, ExitClass>> = {
  CONFIG_INVALID: 'usage',
  LIMIT_EXCEEDED: 'limit',
  LIMIT_RATE: 'limit',
  REQUEST_INVALID: 'request',
  REQUEST_ROUTE_UNKNOWN: 'request',
  REQUEST_RANGE: 'request',
  SERVER_FAILED: 'server',
  SERVER_DATA_LOCKED: 'server',
  AUTH_REQUIRED: 'auth',
  AUTH_FORBIDDEN: 'auth',
  AUTH_ADDRESS_REFUSED: 'auth',
  LICENSE_EXPIRED: 'license',
  LICENSE_SUSPENDED: 'license',
  LICENSE_LIMIT: 'license',
  LICENSE_REGISTRATION_CLOSED: 'license',
  RECORD_NOT_FOUND: 'record',
  RECORD_EXISTS: 'record',
  NOTIFICATION_FAILED: 'notification',
  NOTIFICATION_REFUSED: 'notification',
  MANIFEST_INVALID: 'manifest',
  MANIFEST_PATH_UNSAFE: 'manifest',
  MANIFEST_DIGEST_MISMATCH: 'manifest',
  APPLICATION_NOT_FOUND: 'application',
  RELEASE_VERSION_INVALID: 'release',
  RELEASE_EXISTS: 'release',
  RELEASE_NOT_FOUND: 'release',
  RELEASE_VERSION_DISAGREES: 'release',
  RELEASE_NOT_OFFERED: 'release',
  RELEASE_BLOCKED: 'release',
  RELEASE_DOWNGRADE: 'release',
  RELEASE_UNSIGNED: 'release',
  RELEASE_STATE: 'release',
  PLAN_INVALID: 'plan',
  PLAN_IMPOSSIBLE: 'plan',
  DOWNLOAD_FAILED: 'download',
  DOWNLOAD_REFUSED: 'download',
  DOWNLOAD_NOT_FOUND: 'download',
  DOWNLOAD_DIGEST_MISMATCH: 'download',
  DOWNLOAD_REDIRECT_REFUSED: 'download',
  DOWNLOAD_INSECURE: 'download',
  ARTIFACT_INVALID: 'artifact',
  ARTIFACT_UNKNOWN: 'artifact',
  DELTA_INVALID: 'delta',
  DELTA_BASE_MISMATCH: 'delta',
  PATCH_INVALID: 'patch',
  PATCH_BASE_MISMATCH: 'patch',
  PATCH_TARGET_MISMATCH: 'patch',
  PATCH_CODEC_UNKNOWN: 'patch',
  PATCH_MAKER_UNAVAILABLE: 'patch',
  TRUST_INVALID: 'trust',
  TRUST_EXPIRED: 'trust',
  TRUST_ROLLBACK: 'trust',
  TRUST_CLOCK: 'trust',
  TRUST_ROOT_MISSING: 'trust',
  TRUST_RELEASE_UNSIGNED: 'trust',
  TRUST_THRESHOLD: 'trust',
  TRUST_SIGNATURE_INVALID: 'trust',
  TRUST_KEY_INVALID: 'trust',
  BUDGET_EXCEEDED: 'budget',
  TRANSACTION_LOCKED: 'transaction',
  TRANSACTION_FILE_HELD: 'transaction',
  TRANSACTION_JOURNAL_INVALID: 'transaction',
  TRANSACTION_STUCK: 'transaction',
  TRANSACTION_ROLLBACK_PENDING: 'transaction',
  TRANSACTION_NO_WAY_BACK: 'transaction',
  TRANSACTION_STAGING_INVALID: 'transaction',
  TRANSACTION_PATH_BLOCKED: 'transaction',
  TRANSACTION_STATE: 'transaction',
  STEP_FAILED: 'step',
  REQUIREMENT_UNMET: 'requirement',
  BACKUP_MISSING: 'backup',
  BUNDLE_INVALID: 'bundle',
  SERVICE_FAILED: 'service',
  START_FAILED: 'start',
  INSTALL_NOT_FOUND: 'install',
  INSTALL_DAMAGED: 'install',
  INSTALL_UNSAFE: 'install',
  INSTALL_IN_USE: 'install',
  INSTALL_ON_HOLD: 'install',
  INSTALL_MAINTENANCE: 'install',
  INSTALL_UNKNOWN: 'install',
  STORAGE_NO_SPACE: 'storage',
  STORAGE_OTHER_VOLUME: 'storage',
  STORAGE_FAILED: 'storage',
};

/** Why an operation was broken off: a signal of the system's. The reason of the aborted signals in this program. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';

  constructor(readonly signal: 'SIGINT' | 'SIGTERM' | 'SIGHUP') {
    super(`interrupted by ${signal}`);
  }
}

const classOfSignal = { SIGHUP: 'hungUp', SIGINT: 'interrupted', SIGTERM: 'terminated' } as const;

export function exitCodeOf(error: unknown): number {
  if (error instanceof Interrupted) return exitCodes[classOfSignal[error.signal]];
  return isUpdaterError(error) ? exitCodes[exitClassOf[error.code]] : exitCodes.unexpected;
}
