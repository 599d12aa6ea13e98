import { UpdaterError } from '@remendo/core';

interface SdkError {
  readonly name?: string;
  readonly message?: string;
  readonly code?: string;
  readonly $metadata?: { readonly httpStatusCode?: number; readonly requestId?: string };
}

const partsOf = (error: unknown): SdkError => (typeof error === 'object' && error !== null ? error : { message: String(error) });

export const statusOf = (error: unknown): number | undefined => partsOf(error).$metadata?.httpStatusCode;

/** Of a GET or a copy: the object is missing. A HEAD has no body to tell a missing object from a missing bucket. */
export const isNoSuchKey = (error: unknown): boolean => partsOf(error).name === 'NoSuchKey';

/**
 * What the SDK throws carries the request and, of a refused signature, key, signature and what was signed: logs would
 * print them. Kept are name, message, status, request id and the trace.
 */
function bareCause(error: unknown): Error {
  const { name, message, code, $metadata } = partsOf(error);
  const said = [name, message || code].filter(Boolean).join(': ');
  const { httpStatusCode, requestId } = $metadata ?? {};
  const http =
    httpStatusCode === undefined ? '' : ` (HTTP ${httpStatusCode}${requestId === undefined ? '' : `, request ${requestId}`})`;
  const cause = new Error(said + http);
  if (error instanceof Error && error.stack !== undefined) cause.stack = error.stack;
  return cause;
}

export function s3Failure(message: string, error: unknown): UpdaterError {
  if (error instanceof UpdaterError) return error;
  const code = partsOf(error).code === 'ENOSPC' ? 'STORAGE_NO_SPACE' : 'STORAGE_FAILED';
  return new UpdaterError(code, message, { cause: bareCause(error) });
}

export async function orS3Failure<T>(message: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw s3Failure(message, error);
  }
}

export const noSuchObject = (digest: string): UpdaterError =>
  new UpdaterError('DOWNLOAD_NOT_FOUND', `there is no object ${digest}`, { details: { digest } });
