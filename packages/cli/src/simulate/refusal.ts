import type { ExchangeAnswer } from './exchange.js';

/** The server answered, and not with what was asked for. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly status: number;
  /** The server's, when it says one. */
  readonly code: string;
  /** What the server asks to wait for; null: it does not say. */
  readonly retryAfterMs: number | null;

  constructor({ status, headers, problem }: ExchangeAnswer) {
    const { code, detail } = parseProblem(problem);
    super(`the server answered ${status} ${code}${detail === '' ? '' : `: ${detail}`}`);
    this.status = status;
    this.code = code;
    const seconds = headers['retry-after'];
    this.retryAfterMs = seconds !== undefined && /^\d{1,6}$/.test(seconds) ? Number(seconds) * 1_000 : null;
  }

  /** Whether the same request may go through later. */
  get isRetried(): boolean {
    return this.status === 408 || this.status === 429 || this.status >= 500;
  }
}

/** An `application/problem+json`; of anything else, nothing. */
function parseProblem(problem: string): { readonly code: string; readonly detail: string } {
  try {
    const { code, detail } = JSON.parse(problem) as { code?: unknown; detail?: unknown };
    const isCode = typeof code === 'string' && /^[A-Z_]{1,64}$/.test(code);
    return { code: isCode ? code : '', detail: typeof detail === 'string' ? detail.slice(0, 200) : '' };
  } catch {
    return { code: '', detail: '' };
  }
}
