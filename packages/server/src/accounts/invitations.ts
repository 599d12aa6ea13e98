/** Invitations: who has one may register once, with the level that an operator has granted. */
import { digestOf, UpdaterError } from '@remendo/core';
import type { Invitation, InvitationRequest, NewInvitation } from '@remendo/core/protocol';
import { sql } from 'kysely';
import { type Actor, recordAudit } from '../audit/record-audit.js';
import type { Changes } from '../database/changes.js';
import type { Db, Tx } from '../database/open-database.js';
import { newSecret } from './credentials.js';

const expiresInDays = 30;
const dayMs = 86_400_000;

const invitationQuery = (db: Db | Tx) =>
  db
    .selectFrom('invitation')
    .leftJoin('customer', 'customer.id', 'invitation.used_by')
    .select(['invitation.id', 'invitation.service_level', 'note', 'expires_at', 'customer.code', 'invitation.created_at']);

type InvitationRow = Awaited<ReturnType<ReturnType<typeof invitationQuery>['executeTakeFirstOrThrow']>>;

/** @returns the invitation's code, told here only. */
export function invite(changes: Changes, actor: Actor, request: InvitationRequest): Promise<NewInvitation> {
  const { service_level, note = '', expires_in_days = expiresInDays } = request;
  const code = newSecret();
  const expires_at = new Date(Date.now() + expires_in_days * dayMs);
  return changes.change([], async (tx) => {
    const { id } = await tx
      .insertInto('invitation')
      .values({ code_sha256: digestOf(code), service_level, note, expires_at })
      .returning('id')
      .executeTakeFirstOrThrow();
    const row = await invitationQuery(tx).where('invitation.id', '=', id).executeTakeFirstOrThrow();
    await recordAudit(tx, actor, {
      action: 'invitation_made',
      subjectKind: 'invitation',
      subject: String(id),
      detail: { service_level, note, expires_at: expires_at.toISOString() },
    });
    return { invitation: invitationAnswer(row), code };
  });
}

/** Newest first. */
export function listInvitations(db: Db, page: { readonly limit: number; readonly after: number | null }) {
  let query = invitationQuery(db);
  if (page.after !== null) query = query.where('invitation.id', '<', sql<number>`${page.after}::bigint`);
  return query
    .orderBy('invitation.id', 'desc')
    .limit(page.limit + 1)
    .execute();
}

/** Nobody can register with it any more. @throws UpdaterError RECORD_NOT_FOUND. */
export function deleteInvitation(changes: Changes, actor: Actor, id: number): Promise<void> {
  return changes.change([], async (tx) => {
    const gone = await tx
      .deleteFrom('invitation')
      .where('id', '=', sql<number>`${id}::bigint`)
      .returning(['service_level', 'note'])
      .executeTakeFirst();
    if (gone === undefined) throw new UpdaterError('RECORD_NOT_FOUND', `there is no invitation ${id}`);
    await recordAudit(tx, actor, {
      action: 'invitation_deleted',
      subjectKind: 'invitation',
      subject: String(id),
      detail: { before: gone },
    });
  });
}

export const invitationAnswer = (row: InvitationRow): Invitation => ({
  id: row.id,
  service_level: row.service_level,
  note: row.note,
  expires_at: row.expires_at.toISOString(),
  used_by: row.code,
  created_at: row.created_at.toISOString(),
});
