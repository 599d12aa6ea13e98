import { UpdaterError } from '../errors.js';

const codeOf = (error: unknown): string => {
  const code = typeof error === 'object' && error !== null ? (error as { code?: unknown }).code : undefined;
  return typeof code === 'string' ? code : '';
};

/** True for one of these system error codes, for example ENOENT. */
export const isSystemError = (error: unknown, ...codes: readonly string[]): boolean => codes.includes(codeOf(error));

/**
 * True when the system refuses because another program has the file open. Windows says so in three ways and uses two
 * of them for missing permissions too, which waiting does not cure but does not harm either.
 */
export const isHeld = (error: unknown, isWindows: boolean): boolean =>
  isWindows ? isSystemError(error, 'EBUSY', 'EPERM', 'EACCES') : isSystemError(error, 'EBUSY', 'ETXTBSY');

export interface FailedCall {
  readonly operation: string;
  readonly path: string;
  readonly isWindows: boolean;
  /** Programs that hold the file, as `erp.exe (1234)`; left out when nobody knows. */
  readonly heldBy?: readonly string[];
}

/** What the system reports, in this library's words; the system's own error is the cause. */
export function storageError(error: unknown, { operation, path, isWindows, heldBy = [] }: FailedCall): UpdaterError {
  if (error instanceof UpdaterError) return error;
  const details = { path, operation, system: codeOf(error) };
  if (isSystemError(error, 'ENOSPC', 'EDQUOT')) {
    return new UpdaterError('STORAGE_NO_SPACE', `${operation} of ${path} found no free space`, { details, cause: error });
  }
  if (isHeld(error, isWindows)) {
    const holder = heldBy.length === 0 ? 'another program' : heldBy.join(', ');
    const isSure = heldBy.length > 0 || isSystemError(error, 'EBUSY', 'ETXTBSY');
    const orElse = isSure ? '' : ', or for want of rights';
    return new UpdaterError('TRANSACTION_FILE_HELD', `${operation} of ${path} is refused while ${holder} holds it${orElse}`, {
      details: { ...details, ...(heldBy.length === 0 ? {} : { heldBy }) },
      cause: error,
    });
  }
  if (isSystemError(error, 'EXDEV')) {
    return new UpdaterError('STORAGE_OTHER_VOLUME', `${operation} of ${path} would lead to another volume`, {
      details,
      cause: error,
    });
  }
  if (isSystemError(error, 'ELOOP')) {
    return new UpdaterError('TRANSACTION_PATH_BLOCKED', `${operation} of ${path} is refused: a link stands there`, {
      details,
      cause: error,
    });
  }
  return new UpdaterError('STORAGE_FAILED', `${operation} of ${path} did not succeed`, { details, cause: error });
}
