/** The audit: every change made by anyone, written in the transaction that makes it; never changed afterwards. */
import type { FastifyRequest } from 'fastify';
import type { Principal } from '../accounts/principal.js';
import type { Tx } from '../database/open-database.js';
import type { ActorKind } from '../database/tables.js';

/** Who makes a change, and from where. */
export interface Actor {
  readonly kind: ActorKind;
  /** An operator's name, a customer's code, a terminal's id, the name of a job. */
  readonly name: string;
  readonly address: string | null;
  readonly requestId: string | null;
}

export interface AuditEntry {
  /** Noun and past participle: `rollout_paused`. */
  readonly action: string;
  readonly subjectKind:
    | 'customer'
    | 'operator'
    | 'terminal'
    | 'application'
    | 'release'
    | 'rollout'
    | 'webhook'
    | 'invitation'
    | 'delta'
    | 'object'
    | 'metadata';
  readonly subject: string;
  /** Why, as the actor says it. */
  readonly reason?: string | undefined;
  /** What was and what is, never a secret. */
  readonly detail?: Readonly<Record<string, unknown>>;
}

export async function recordAudit(tx: Tx, actor: Actor, entry: AuditEntry): Promise<void> {
  await tx
    .insertInto('audit_event')
    .values({
      actor_kind: actor.kind,
      actor: actor.name,
      action: entry.action,
      subject_kind: entry.subjectKind,
      subject: entry.subject,
      reason: entry.reason ?? '',
      detail: JSON.stringify(entry.detail ?? {}),
      address: actor.address,
      request_id: actor.requestId,
    })
    .execute();
}

/** A job of the server itself. */
export const serverActor = (name: string): Actor => ({ kind: 'server', name, address: null, requestId: null });

export function actorOf(request: FastifyRequest): Actor {
  return { ...namedActor(request.principal), address: request.ip, requestId: request.id };
}

function namedActor(principal: Principal): Pick<Actor, 'kind' | 'name'> {
  switch (principal.kind) {
    case 'operator':
      return { kind: 'operator', name: principal.operator.name };
    case 'customer':
      return { kind: 'customer', name: principal.customer.code };
    case 'terminal':
      return { kind: 'terminal', name: principal.terminal.id };
    case 'anonymous':
      return { kind: 'anonymous', name: '' };
  }
}
