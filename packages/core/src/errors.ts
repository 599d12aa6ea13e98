/**
 * One error class with a closed set of codes. The prefix of a code names the phase it belongs to, `retry` says what a
 * caller may do about it, and the sentence is about this layer only: causes are kept in `cause` and printed once, at
 * the edge. HTTP statuses and exit codes are exhaustive maps in the server and the command line, so a new code does not
 * compile until both are decided.
 */

/** never: trying again changes nothing · backoff: try again later · after-action: somebody has to do something first. */
export type RetryClass = 'never' | 'backoff' | 'after-action';

interface CatalogueEntry {
  readonly retry: RetryClass;
  /** One sentence, without the details of the case. */
  readonly sentence: string;
}

const entry = (retry: RetryClass, sentence: string): CatalogueEntry => ({ retry, sentence });

export const errorCatalogue = {
  CONFIG_INVALID: entry('after-action', 'The configuration or the arguments are wrong.'),
  LIMIT_EXCEEDED: entry('never', 'A value from outside is larger than what is allowed.'),
  LIMIT_RATE: entry('backoff', 'There were too many requests; try again later.'),

  REQUEST_INVALID: entry('after-action', 'The request is not one that this address takes.'),
  REQUEST_ROUTE_UNKNOWN: entry('never', 'There is nothing at this address.'),
  REQUEST_RANGE: entry('never', 'The range is malformed or lies outside the object.'),

  SERVER_FAILED: entry('backoff', 'The server could not answer.'),
  SERVER_DATA_LOCKED: entry('after-action', 'Another server works on this data folder.'),

  AUTH_REQUIRED: entry('after-action', 'The request needs a valid token.'),
  AUTH_FORBIDDEN: entry('after-action', 'Whoever signed in may not do this.'),
  AUTH_ADDRESS_REFUSED: entry('after-action', 'The customer does not allow this address.'),
  LICENSE_EXPIRED: entry('after-action', 'The licence has expired.'),
  LICENSE_SUSPENDED: entry('after-action', 'The customer is suspended.'),
  LICENSE_LIMIT: entry('after-action', 'The licence allows no more of these.'),
  LICENSE_REGISTRATION_CLOSED: entry('after-action', 'Registration needs a valid invitation, or is closed.'),
  RECORD_NOT_FOUND: entry('never', 'There is no such record.'),
  RECORD_EXISTS: entry('never', 'There is such a record already.'),
  NOTIFICATION_FAILED: entry('backoff', 'The notification could not be delivered now.'),
  NOTIFICATION_REFUSED: entry('never', 'The notification can not be delivered as it is.'),

  MANIFEST_INVALID: entry('never', 'The manifest is not a well-formed, canonical manifest.'),
  MANIFEST_PATH_UNSAFE: entry('never', 'A path would not be safe on every platform.'),
  MANIFEST_DIGEST_MISMATCH: entry('backoff', 'The manifest does not have the digest that was announced.'),

  APPLICATION_NOT_FOUND: entry('after-action', 'There is no such application.'),
  RELEASE_VERSION_INVALID: entry('after-action', 'The version is neither semver nor a four-part version.'),
  RELEASE_EXISTS: entry('never', 'This version is already published with other contents; a published release never changes.'),
  RELEASE_NOT_FOUND: entry('after-action', 'There is no such published release.'),
  RELEASE_VERSION_DISAGREES: entry('after-action', 'The version.txt inside the upload names another version.'),
  RELEASE_NOT_OFFERED: entry('backoff', 'The release is no longer offered.'),
  RELEASE_BLOCKED: entry('after-action', 'This release was rolled back on this terminal and is not tried again.'),
  RELEASE_DOWNGRADE: entry('never', 'The release is older than the installed one.'),
  RELEASE_UNSIGNED: entry('after-action', 'The release has to be signed before it can be offered.'),
  RELEASE_STATE: entry('after-action', 'The release can not go into this state.'),

  PLAN_INVALID: entry('backoff', 'The plan is not well-formed or does not lead to the target.'),
  PLAN_IMPOSSIBLE: entry('backoff', 'No plan reaches the target.'),

  DOWNLOAD_FAILED: entry('backoff', 'The transfer did not succeed.'),
  DOWNLOAD_REFUSED: entry('after-action', 'The server refused the request.'),
  DOWNLOAD_NOT_FOUND: entry('backoff', 'The server does not have the object.'),
  DOWNLOAD_DIGEST_MISMATCH: entry('backoff', 'What arrived is not what was announced.'),
  DOWNLOAD_REDIRECT_REFUSED: entry('never', 'The redirect is not one that may be followed.'),
  DOWNLOAD_INSECURE: entry('after-action', 'Plain http is allowed to this machine only.'),

  ARTIFACT_UNKNOWN: entry('never', 'The file is in none of the formats that this program knows.'),
  ARTIFACT_INVALID: entry('never', 'The zip is not one that can be read safely.'),
  DELTA_INVALID: entry('never', 'The delta is not well-formed.'),
  DELTA_BASE_MISMATCH: entry('never', 'The delta is for another base.'),

  PATCH_INVALID: entry('never', 'The patch is not well-formed.'),
  PATCH_BASE_MISMATCH: entry('never', 'The base is not the one the patch was made for.'),
  PATCH_TARGET_MISMATCH: entry('never', 'The patch did not produce the target it promises.'),
  PATCH_CODEC_UNKNOWN: entry('never', 'This program does not know the codec of the patch.'),
  PATCH_MAKER_UNAVAILABLE: entry('after-action', 'Patches of this codec can not be made on this machine.'),

  TRUST_INVALID: entry('never', 'Signed metadata is not well-formed, or its signatures do not hold.'),
  TRUST_EXPIRED: entry('backoff', 'Signed metadata has expired, and no newer one was offered.'),
  TRUST_ROLLBACK: entry('backoff', 'Signed metadata is older than what was seen before.'),
  TRUST_CLOCK: entry('after-action', "This machine's clock can not be right."),
  TRUST_ROOT_MISSING: entry('after-action', 'There is no root of trust to start from.'),
  TRUST_RELEASE_UNSIGNED: entry('after-action', 'No trusted key signed this release as it is announced.'),
  TRUST_THRESHOLD: entry('after-action', 'More keys have to sign.'),
  TRUST_SIGNATURE_INVALID: entry('never', 'The signature is missing or does not hold.'),
  TRUST_KEY_INVALID: entry('after-action', 'The key can not be read, or its passphrase is wrong.'),

  BUDGET_EXCEEDED: entry('after-action', 'The delta is larger than its budget.'),

  TRANSACTION_LOCKED: entry('backoff', 'Another program is working on this install.'),
  TRANSACTION_FILE_HELD: entry('backoff', 'A file could not be moved because another program holds it.'),
  TRANSACTION_JOURNAL_INVALID: entry('after-action', 'The journal of the install can not be read.'),
  TRANSACTION_STUCK: entry('after-action', 'Neither the base nor the target can be put together from what is on disk.'),
  TRANSACTION_ROLLBACK_PENDING: entry('backoff', 'A rollback could not finish yet; the next command goes on with it.'),
  TRANSACTION_NO_WAY_BACK: entry('after-action', 'There is no previous version to go back to.'),
  TRANSACTION_STAGING_INVALID: entry('backoff', 'A staged file is not what it should be.'),
  TRANSACTION_PATH_BLOCKED: entry('after-action', "Something that is not the release's stands where one of its files has to go."),
  TRANSACTION_STATE: entry('never', 'The transaction is not in a state that allows this.'),

  STEP_FAILED: entry('after-action', 'A step around the swap failed.'),
  REQUIREMENT_UNMET: entry('after-action', 'This machine lacks what the release requires.'),
  BACKUP_MISSING: entry('after-action', 'There is no proven backup that is young enough.'),
  BUNDLE_INVALID: entry('after-action', 'The bundle is not whole, or not for this install.'),
  SERVICE_FAILED: entry('after-action', "The system refused the agent's service or task."),

  START_FAILED: entry('after-action', 'The application did not prove healthy after it was started.'),

  INSTALL_NOT_FOUND: entry('after-action', 'There is no install in this folder.'),
  INSTALL_DAMAGED: entry('after-action', 'Installed files differ from the manifest.'),
  INSTALL_UNSAFE: entry('after-action', 'Others with fewer rights can write to the install.'),
  INSTALL_IN_USE: entry('backoff', 'A program runs from the install root.'),
  INSTALL_ON_HOLD: entry('backoff', 'The application asked for the update to wait.'),
  INSTALL_MAINTENANCE: entry('after-action', 'A failed update left the application in maintenance mode.'),
  INSTALL_UNKNOWN: entry('after-action', 'The installed version can not be told.'),

  STORAGE_NO_SPACE: entry('after-action', 'There is not enough free space.'),
  STORAGE_OTHER_VOLUME: entry('after-action', "The install and the updater's folder have to lie on one volume."),
  STORAGE_FAILED: entry('backoff', 'A file could not be read or written.'),
} as const satisfies Record<string, CatalogueEntry>;

export type ErrorCode = keyof typeof errorCatalogue;

/** Facts of the case, safe to print: never a secret. */
export type ErrorDetails = Readonly<Record<string, string | number | boolean | readonly string[]>>;

/** Every failure this library reports on purpose. */
export class UpdaterError extends Error {
  override readonly name = 'UpdaterError';
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  /** @param message what happened, in this layer's words, without repeating the cause's. */
  constructor(code: ErrorCode, message: string, options: { readonly details?: ErrorDetails; readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = options.details ?? {};
  }

  get retry(): RetryClass {
    return errorCatalogue[this.code].retry;
  }
}

export const isUpdaterError = (error: unknown): error is UpdaterError => error instanceof UpdaterError;

/** True for one code, or for any of several. */
export const hasCode = (error: unknown, ...codes: readonly ErrorCode[]): error is UpdaterError =>
  isUpdaterError(error) && codes.includes(error.code);

/** The chain of messages from the outermost layer inwards, for the edge that prints it. */
export function errorChain(error: unknown): readonly string[] {
  const lines: string[] = [];
  for (let at: unknown = error; at !== undefined && at !== null && lines.length < 16; at = (at as { cause?: unknown }).cause) {
    lines.push(isUpdaterError(at) ? `${at.code}: ${at.message}` : at instanceof Error ? at.message : String(at));
  }
  return lines;
}
