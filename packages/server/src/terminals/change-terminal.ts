/** What is changed of an enrolled terminal. What signing in remembers of it is announced, and counts from the next request on. */
import { isDeepStrictEqual } from 'node:util';
import { digestOf, parseVersion, UpdaterError } from '@remendo/core';
import type { NewTerminal, PolicyRequest, SecretRequest, Terminal, TerminalChange } from '@remendo/core/protocol';
import { newSecret } from '../accounts/credentials.js';
import { hourMs } from '../accounts/customer-keys.js';
import { type Actor, type AuditEntry, recordAudit } from '../audit/record-audit.js';
import type { Changes, Topic } from '../database/changes.js';
import type { Tx } from '../database/open-database.js';
import type { RecordScope } from '../history/record-scope.js';
import { requireTerminal } from './terminal-records.js';

/** Which terminal, and why it is changed. */
export interface TerminalTarget {
  readonly id: string;
  readonly scope: RecordScope;
  readonly reason?: string | undefined;
}

/** What signing in remembers. */
const remembered = ['branch', 'group', 'ring'] as const;

/** What terminals tell of themselves is announced to nobody, so that a whole fleet can tell it. @throws UpdaterError RECORD_NOT_FOUND. */
export function changeTerminal(
  changes: Changes,
  actor: Actor,
  { change, ...target }: TerminalTarget & { readonly change: Omit<TerminalChange, 'reason'> },
): Promise<Terminal> {
  const topics = remembered.some((field) => change[field] !== undefined) ? (['accounts'] as const) : [];
  return changeIt(changes, actor, { ...target, topics, action: 'terminal_changed' }, async (tx) => {
    await tx
      .updateTable('terminal')
      .set({ ...change, updated_at: new Date() })
      .where('id', '=', target.id)
      .execute();
  });
}

/** Its secret is good for nothing any more, and its place under the licence is free. @throws UpdaterError RECORD_NOT_FOUND. */
export function revokeTerminal(changes: Changes, actor: Actor, target: TerminalTarget): Promise<Terminal> {
  return changeIt(changes, actor, { ...target, action: 'terminal_revoked' }, async (tx) => {
    await tx
      .updateTable('terminal')
      .set({ is_enabled: false, is_silent: false, previous_secret_sha256: null, updated_at: new Date() })
      .where('id', '=', target.id)
      .execute();
  });
}

const overlapHours = 24;

/**
 * The secret until now stays good for `overlap_hours`, so that a terminal which does not hear the answer is not lost.
 * @returns the new one, told here only. @throws UpdaterError RECORD_NOT_FOUND, REQUEST_INVALID for a revoked terminal.
 */
export async function rotateSecret(
  changes: Changes,
  actor: Actor,
  { overlap_hours = overlapHours, ...target }: TerminalTarget & SecretRequest,
): Promise<NewTerminal> {
  const secret = newSecret();
  await changeIt(
    changes,
    actor,
    { ...target, action: 'terminal_secret_rotated', detail: { overlap_hours } },
    async (tx, before) => {
      if (!before.is_enabled) throw new UpdaterError('REQUEST_INVALID', `${target.id} is revoked: it has to be enrolled anew`);
      await tx
        .updateTable('terminal')
        .set((eb) => ({
          previous_secret_sha256: overlap_hours === 0 ? null : eb.ref('secret_sha256'),
          previous_secret_until: new Date(Date.now() + overlap_hours * hourMs),
          secret_sha256: digestOf(secret),
          updated_at: new Date(),
        }))
        .where('id', '=', target.id)
        .execute();
    },
  );
  return { terminal_id: target.id, secret };
}

/**
 * Sets what one terminal is to have of an application.
 * @throws UpdaterError RECORD_NOT_FOUND, APPLICATION_NOT_FOUND, RELEASE_VERSION_INVALID, RELEASE_NOT_FOUND for a pin to a
 * release that there is not: nothing would ever be offered.
 */
export function setPolicy(
  changes: Changes,
  actor: Actor,
  {
    application,
    policy,
    ...target
  }: TerminalTarget & { readonly application: string; readonly policy: Omit<PolicyRequest, 'reason'> },
): Promise<Terminal> {
  const pinned_version = policy.pinned_version === null ? null : parseVersion(policy.pinned_version).version;
  const blocked = policy.blocked?.map((version) => parseVersion(version).version);
  const set = {
    pinned_version,
    allow_downgrade: policy.allow_downgrade,
    ...(blocked === undefined ? {} : { blocked: JSON.stringify([...new Set(blocked)]) }),
  };
  return changeIt(changes, actor, { ...target, action: 'terminal_policy_set' }, async (tx) => {
    const application_id = await requireApplication(tx, application);
    if (pinned_version !== null) await requireRelease(tx, application_id, pinned_version);
    await tx
      .insertInto('terminal_policy')
      .values({ terminal_id: target.id, application_id, ...set })
      .onConflict((conflict) => conflict.columns(['terminal_id', 'application_id']).doUpdateSet(set))
      .execute();
  });
}

interface Described extends TerminalTarget, Pick<AuditEntry, 'action'> {
  readonly topics?: readonly Topic[];
  /** What else the audit says. Without it, a change after which all is as before is not recorded. */
  readonly detail?: AuditEntry['detail'];
}

/** Changes it, as whoever changes it at the same time has left it, and tells the audit what was and what is. */
function changeIt(
  changes: Changes,
  actor: Actor,
  { id, scope, topics = ['accounts'], ...entry }: Described,
  change: (tx: Tx, before: Terminal) => Promise<void>,
): Promise<Terminal> {
  return changes.change(topics, async (tx) => {
    await tx.selectFrom('terminal').select('id').where('id', '=', id).forNoKeyUpdate().execute();
    const before = await requireTerminal(tx, scope, id);
    await change(tx, before);
    const after = await requireTerminal(tx, scope, id);
    const [was, is] = [changeable(before), changeable(after)];
    if (entry.detail !== undefined || !isDeepStrictEqual(was, is)) {
      const detail = { customer: before.customer, ...entry.detail, before: was, after: is };
      await recordAudit(tx, actor, { ...entry, subjectKind: 'terminal', subject: id, detail });
    }
    return after;
  });
}

function changeable(terminal: Terminal) {
  const { name, branch, group, ring, is_enabled, operating_system, architecture, agent_version, policies } = terminal;
  return { name, branch, group, ring, is_enabled, operating_system, architecture, agent_version, policies };
}

async function requireApplication(tx: Tx, slug: string): Promise<number> {
  const row = await tx.selectFrom('application').select('id').where('slug', '=', slug).executeTakeFirst();
  if (row === undefined) throw new UpdaterError('APPLICATION_NOT_FOUND', `there is no application ${slug}`, { details: { slug } });
  return row.id;
}

async function requireRelease(tx: Tx, applicationId: number, version: string): Promise<void> {
  const row = await tx
    .selectFrom('release')
    .select('id')
    .where('application_id', '=', applicationId)
    .where('version', '=', version)
    .executeTakeFirst();
  if (row === undefined)
    throw new UpdaterError('RELEASE_NOT_FOUND', `there is no release ${version} to pin it to`, { details: { version } });
}
