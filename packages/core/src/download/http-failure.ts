/** What a refusing answer means: the server's own code when it names one (RFC 9457), else one by its status. */
import { type ErrorCode, errorCatalogue, UpdaterError } from '../errors.js';

/** A longer problem document is not read. */
export const problemBytesMax = 64 * 1024;
const detailCharactersMax = 300;

/** Codes about this machine: no answer can know them, and this program acts on them. */
const ownPhases =
  /^(TRANSACTION|STORAGE|INSTALL|START|CONFIG|PATCH|DELTA)_|^TRUST_(CLOCK|EXPIRED|ROLLBACK|ROOT_MISSING|SIGNATURE_INVALID)$/;

const isServerCode = (code: string): code is ErrorCode => Object.hasOwn(errorCatalogue, code) && !ownPhases.test(code);

function codeOfStatus(status: number): ErrorCode {
  if (status === 404 || status === 410) return 'DOWNLOAD_NOT_FOUND';
  const passing = status === 408 || status === 416 || status === 425 || status === 429;
  return status >= 400 && status < 500 && !passing ? 'DOWNLOAD_REFUSED' : 'DOWNLOAD_FAILED';
}

/**
 * The failure that an answer with a status of 400 and above (or an unexpected one) reports.
 * @param body of the answer: anything at all.
 * @param retryAfterMs what it asks to wait; null: it does not say.
 */
export function httpFailure(status: number, body: string, retryAfterMs: number | null = null): UpdaterError {
  const problem = parseProblem(body);
  const code = problem.code !== null && isServerCode(problem.code) ? problem.code : codeOfStatus(status);
  const detail = problem.detail === null ? '' : `: ${problem.detail}`;
  return new UpdaterError(code, `The server answered ${status}${detail}`, {
    details: {
      status,
      ...(problem.code === null ? {} : { serverCode: problem.code }),
      ...(retryAfterMs === null ? {} : { retryAfterMs }),
    },
  });
}

function parseProblem(body: string): { readonly code: string | null; readonly detail: string | null } {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return { code: null, detail: null };
  }
  const { code, detail } = (value ?? {}) as { code?: unknown; detail?: unknown };
  return {
    code: typeof code === 'string' && /^[A-Za-z0-9_.-]{1,64}$/.test(code) ? code : null,
    detail: typeof detail === 'string' ? printable(detail) : null,
  };
}

/** It will be shown on a screen: nothing that moves a cursor or hides text. */
const printable = (text: string): string => text.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, ' ').slice(0, detailCharactersMax);
