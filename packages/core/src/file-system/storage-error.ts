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

/** What the system reports, in this library's words; the system's own error is the cause. */
export function storageError(error: unknown, operation: string, path: string, isWindows: boolean): UpdaterError {
  if (error instanceof UpdaterError) return error;
  const details = { path, operation, system: codeOf(error) };
  if (isSystemError(error, 'ENOSPC', 'EDQUOT')) {
    return new UpdaterError('STORAGE_NO_SPACE', `${operation} of ${path} found no free space`, { details, cause: error });
  }
  if (isHeld(error, isWindows)) {
    return new UpdaterError('TRANSACTION_FILE_HELD', `${operation} of ${path} is refused while another program holds it`, {
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
