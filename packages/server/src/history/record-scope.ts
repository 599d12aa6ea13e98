/** Whose records a request may see: operators all, customers their own, an enrolled terminal those it wrote. */
import type { FastifyRequest } from 'fastify';
import { requireOperator } from '../accounts/principal.js';

export interface RecordScope {
  /** Null: of every customer, and of nobody's terminals. */
  readonly customerId: number | null;
  /** Null: of every terminal. */
  readonly terminalKey: string | null;
}

/** @throws UpdaterError AUTH_REQUIRED. */
export function scopeOf(request: FastifyRequest): RecordScope {
  const { principal } = request;
  if (principal.kind === 'customer') return { customerId: principal.customer.id, terminalKey: null };
  if (principal.kind === 'terminal') return { customerId: principal.customer.id, terminalKey: principal.terminal.id };
  requireOperator(request, 'viewer');
  return { customerId: null, terminalKey: null };
}
