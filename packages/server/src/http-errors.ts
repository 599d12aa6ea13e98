/** From an error to an answer: one status per code, and never more than the caller may know. */
import { type IncomingMessage, type ServerResponse, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { type ErrorCode, errorCatalogue, isUpdaterError, UpdaterError } from '@remendo/core';
import type { Problem } from '@remendo/core/protocol';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';

export const httpStatus: Record<ErrorCode, number> = {
  CONFIG_INVALID: 500,
  LIMIT_EXCEEDED: 413,
  LIMIT_RATE: 429,

  REQUEST_INVALID: 400,
  REQUEST_ROUTE_UNKNOWN: 404,
  REQUEST_RANGE: 416,

  SERVER_FAILED: 500,
  SERVER_DATA_LOCKED: 500,

  AUTH_REQUIRED: 401,
  AUTH_FORBIDDEN: 403,
  AUTH_ADDRESS_REFUSED: 403,
  LICENSE_EXPIRED: 403,
  LICENSE_SUSPENDED: 403,
  LICENSE_LIMIT: 403,
  LICENSE_REGISTRATION_CLOSED: 403,
  RECORD_NOT_FOUND: 404,
  RECORD_EXISTS: 409,
  NOTIFICATION_FAILED: 502,
  NOTIFICATION_REFUSED: 400,

  MANIFEST_INVALID: 422,
  MANIFEST_PATH_UNSAFE: 422,
  MANIFEST_DIGEST_MISMATCH: 500,

  APPLICATION_NOT_FOUND: 404,
  RELEASE_VERSION_INVALID: 400,
  RELEASE_EXISTS: 409,
  RELEASE_NOT_FOUND: 404,
  RELEASE_VERSION_DISAGREES: 422,
  RELEASE_NOT_OFFERED: 410,
  RELEASE_BLOCKED: 409,
  RELEASE_DOWNGRADE: 409,
  RELEASE_UNSIGNED: 409,
  RELEASE_STATE: 409,

  PLAN_INVALID: 500,
  PLAN_IMPOSSIBLE: 500,

  DOWNLOAD_FAILED: 502,
  DOWNLOAD_REFUSED: 403,
  DOWNLOAD_NOT_FOUND: 404,
  DOWNLOAD_DIGEST_MISMATCH: 422,
  DOWNLOAD_REDIRECT_REFUSED: 502,
  DOWNLOAD_INSECURE: 400,

  ARTIFACT_INVALID: 422,
  ARTIFACT_UNKNOWN: 500,
  DELTA_INVALID: 500,
  DELTA_BASE_MISMATCH: 409,

  PATCH_INVALID: 500,
  PATCH_BASE_MISMATCH: 500,
  PATCH_TARGET_MISMATCH: 500,
  PATCH_CODEC_UNKNOWN: 500,
  PATCH_MAKER_UNAVAILABLE: 500,

  TRUST_INVALID: 422,
  TRUST_EXPIRED: 422,
  TRUST_ROLLBACK: 409,
  TRUST_CLOCK: 500,
  TRUST_ROOT_MISSING: 500,
  TRUST_RELEASE_UNSIGNED: 409,
  TRUST_THRESHOLD: 422,
  TRUST_SIGNATURE_INVALID: 422,
  TRUST_KEY_INVALID: 500,

  BUDGET_EXCEEDED: 500,

  TRANSACTION_LOCKED: 500,
  TRANSACTION_FILE_HELD: 500,
  TRANSACTION_JOURNAL_INVALID: 500,
  TRANSACTION_STUCK: 500,
  TRANSACTION_ROLLBACK_PENDING: 500,
  TRANSACTION_NO_WAY_BACK: 500,
  TRANSACTION_STAGING_INVALID: 500,
  TRANSACTION_STATE: 500,
  TRANSACTION_PATH_BLOCKED: 500,

  STEP_FAILED: 500,
  REQUIREMENT_UNMET: 500,
  BACKUP_MISSING: 500,
  BUNDLE_INVALID: 500,
  SERVICE_FAILED: 500,
  START_FAILED: 500,

  INSTALL_NOT_FOUND: 500,
  INSTALL_DAMAGED: 500,
  INSTALL_UNSAFE: 500,
  INSTALL_IN_USE: 500,
  INSTALL_ON_HOLD: 500,
  INSTALL_MAINTENANCE: 500,
  INSTALL_UNKNOWN: 500,

  STORAGE_NO_SPACE: 507,
  STORAGE_OTHER_VOLUME: 500,
  STORAGE_FAILED: 500,
};

/** Statuses that the framework refuses a request with by itself, and what they mean here. */
const frameworkCodes: Readonly<Record<number, ErrorCode>> = {
  404: 'REQUEST_ROUTE_UNKNOWN',
  413: 'LIMIT_EXCEEDED',
  416: 'REQUEST_RANGE',
};

export interface HttpFailure {
  readonly status: number;
  readonly code: ErrorCode;
  readonly detail: string | undefined;
}

/** What to tell about an error; anything that is not the caller's to know is SERVER_FAILED without a detail. */
export function httpFailure(error: unknown): HttpFailure {
  if (isUpdaterError(error)) {
    const status = httpStatus[error.code];
    return { status, code: error.code, detail: status < 500 ? error.message : undefined };
  }
  const { statusCode, message, validation, validationContext } = error as FastifyError;
  if (validation !== undefined) {
    const problems = validation.map(
      (problem) => `${validationContext ?? 'request'}${problem.instancePath} ${problem.message ?? 'is wrong'}`,
    );
    return { status: 400, code: 'REQUEST_INVALID', detail: problems.join('; ') };
  }
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return { status: statusCode, code: frameworkCodes[statusCode] ?? 'REQUEST_INVALID', detail: message };
  }
  return { status: statusCode === 503 ? 503 : 500, code: 'SERVER_FAILED', detail: undefined };
}

/** Sends `application/problem+json` (RFC 9457). A body with status 5xx carries the code and the request's id, nothing else of the case. */
export function sendProblem(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const { status, code, detail } = httpFailure(error);
  if (status >= 500) request.log.error({ event: 'request_failed', code, err: error }, 'the request failed');
  const problem: Problem = {
    type: 'about:blank',
    title: errorCatalogue[code].sentence,
    status,
    code,
    ...(detail === undefined ? {} : { detail: detail.slice(0, 1_000) }),
    request_id: request.id,
  };
  const retryAfterSeconds = isUpdaterError(error) ? error.details.retryAfterSeconds : undefined;
  if (retryAfterSeconds !== undefined) reply.header('retry-after', String(retryAfterSeconds));
  if (status === 401) reply.header('www-authenticate', 'Bearer realm="remendo"');
  // Headers that belong to the answer that was being prepared.
  for (const name of ['content-length', 'etag', 'content-range', 'content-disposition', 'accept-ranges']) {
    if (name !== 'content-range' || status !== 416) reply.removeHeader(name);
  }
  // The framework would close the connection while the body is still on its way: see plugins/slow-bodies.ts.
  if (status === 413) reply.removeHeader('connection');
  reply.header('cache-control', 'no-store');
  return reply.code(status).type('application/problem+json').serializer(JSON.stringify).send(problem);
}

/** Answers what does not parse as HTTP, has headers that are too large, or does not arrive in time; nothing can be logged of it. */
export function refuseConnection(error: Error & { readonly code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy();
  const status = error.code === 'HPE_HEADER_OVERFLOW' ? 431 : error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400;
  const { headers, body } = bareProblem(status);
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  socket.end(`${[`HTTP/1.1 ${status} ${STATUS_CODES[status]}`, ...lines].join('\r\n')}\r\n\r\n${body}`, () => socket.destroy());
}

/** Answers `Expect` with something else than 100-continue (RFC 9110, section 10.1.1). */
export function refuseExpectation(_request: IncomingMessage, response: ServerResponse): void {
  const { headers, body } = bareProblem(417);
  response.writeHead(417, headers).end(body);
}

/** A problem outside of the framework: no request is known that could be named. */
function bareProblem(status: 400 | 408 | 417 | 431) {
  const code: ErrorCode = status === 431 ? 'LIMIT_EXCEEDED' : 'REQUEST_INVALID';
  const problem: Problem = { type: 'about:blank', title: errorCatalogue[code].sentence, status, code };
  const body = JSON.stringify(problem);
  const headers = {
    'content-type': 'application/problem+json',
    'content-length': String(Buffer.byteLength(body)),
    'cache-control': 'no-store',
    connection: 'close',
  };
  return { headers, body };
}

export const routeUnknown = (request: FastifyRequest): UpdaterError =>
  new UpdaterError('REQUEST_ROUTE_UNKNOWN', `there is nothing at ${request.method} ${request.url.split('?', 1)[0]?.slice(0, 200)}`);
