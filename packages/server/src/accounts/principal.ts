/** Who asks: what signing in makes of a request's credentials. */
import type { BlockList } from 'node:net';
import { UpdaterError } from '@remendo/core';
import type { FastifyRequest } from 'fastify';
import type { CustomerLimits, OperatorRole, ServiceLevel } from '../database/tables.js';

export interface CustomerAccount {
  readonly id: number;
  readonly code: string;
  readonly level: ServiceLevel;
  readonly limits: CustomerLimits;
  readonly features: Readonly<Record<string, boolean>>;
  /** Null: not suspended. */
  readonly suspendedAt: Date | null;
  /** The first moment at which the licence is over. */
  readonly expiresAt: Date;
  /** Null: any address. */
  readonly allowedAddresses: BlockList | null;
}

export interface TerminalAccount {
  readonly id: string;
  readonly branch: string;
  readonly group: string | null;
  readonly ring: string | null;
  /** By application id. */
  readonly policies: ReadonlyMap<number, TerminalPolicy>;
}

export interface TerminalPolicy {
  readonly pinnedVersion: string | null;
  readonly allowDowngrade: boolean;
  readonly blocked: readonly string[];
}

export interface OperatorAccount {
  readonly id: number;
  readonly name: string;
  readonly role: OperatorRole;
}

export type Principal =
  | { readonly kind: 'anonymous' }
  | { readonly kind: 'customer'; readonly customer: CustomerAccount }
  | { readonly kind: 'terminal'; readonly customer: CustomerAccount; readonly terminal: TerminalAccount }
  | { readonly kind: 'operator'; readonly operator: OperatorAccount };

declare module 'fastify' {
  interface FastifyRequest {
    /** Set before any handler of `/api` runs. */
    principal: Principal;
  }
}

const roles: readonly OperatorRole[] = ['viewer', 'publisher', 'admin'];

/** The operator who asks, with at least this role. @throws UpdaterError AUTH_REQUIRED, AUTH_FORBIDDEN. */
export function requireOperator(request: FastifyRequest, role: OperatorRole): OperatorAccount {
  const { principal } = request;
  if (principal.kind === 'anonymous') throw new UpdaterError('AUTH_REQUIRED', "this needs an operator's token");
  if (principal.kind !== 'operator' || roles.indexOf(principal.operator.role) < roles.indexOf(role)) {
    throw new UpdaterError('AUTH_FORBIDDEN', `this needs an operator with the role ${role}`, { details: { role } });
  }
  return principal.operator;
}

/** An operator with at least this role, a customer, or a terminal. @throws UpdaterError AUTH_REQUIRED, AUTH_FORBIDDEN. */
export function requireSignedIn(request: FastifyRequest, role: OperatorRole): Exclude<Principal, { kind: 'anonymous' }> {
  const { principal } = request;
  if (principal.kind === 'anonymous') throw new UpdaterError('AUTH_REQUIRED', 'this is for those who sign in');
  if (principal.kind === 'operator') requireOperator(request, role);
  return principal;
}

/** The customer who asks, by an own key or by one of the terminals. @throws UpdaterError AUTH_REQUIRED, AUTH_FORBIDDEN. */
export function requireCustomer(request: FastifyRequest): CustomerAccount {
  const { principal } = request;
  if (principal.kind === 'anonymous') throw new UpdaterError('AUTH_REQUIRED', "this needs a customer's key and secret");
  if (principal.kind === 'operator') throw new UpdaterError('AUTH_FORBIDDEN', 'this is for customers and their terminals');
  return principal.customer;
}

/** The customer who asks with an own key: what a terminal's secret, which lies on a machine in a branch, does not open. */
export function requireCustomerKey(request: FastifyRequest): CustomerAccount {
  const customer = requireCustomer(request);
  if (request.principal.kind === 'customer') return customer;
  throw new UpdaterError('AUTH_FORBIDDEN', "this needs the customer's own key, not a terminal's");
}
