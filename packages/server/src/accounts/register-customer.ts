/** Registration: whoever may becomes a customer, with the level that may be granted without an operator. */
import { digestOf, UpdaterError } from '@remendo/core';
import type { RegisterAnswer, RegisterRequest } from '@remendo/core/protocol';
import { type Actor, recordAudit } from '../audit/record-audit.js';
import type { Changes } from '../database/changes.js';
import type { Tx } from '../database/open-database.js';
import type { ServiceLevel } from '../database/tables.js';
import { createCustomer } from './create-customer.js';
import { yearFrom } from './licence.js';
import { levelTerms, lowerLevel } from './service-levels.js';

export interface RegistrationRules {
  readonly mode: 'open' | 'invite' | 'closed';
  /** Highest level that is granted without an invitation. */
  readonly levelMax: ServiceLevel;
}

interface Grant {
  readonly invitationId: number | null;
  readonly level: ServiceLevel;
  readonly requestedLevel: ServiceLevel;
}

/**
 * With an e-mail that somebody has, the answer is the same without code, key and secret, after the same work, and no
 * customer changes; the invitation stays good.
 * @throws UpdaterError LICENSE_REGISTRATION_CLOSED when it is closed, or the invitation is missing, used or over.
 */
export async function registerCustomer(
  changes: Changes,
  actor: Actor,
  { rules, request }: { readonly rules: RegistrationRules; readonly request: RegisterRequest },
): Promise<RegisterAnswer> {
  if (rules.mode === 'closed') throw new UpdaterError('LICENSE_REGISTRATION_CLOSED', 'nobody can register on this server');
  return changes.change([], async (tx) => {
    const grant = await grantOf(tx, rules, request);
    const { level, requestedLevel } = grant;
    const { email, first_name: firstName, last_name: lastName, company = '', phone = '' } = request;
    const by = { isVouched: grant.invitationId !== null, isMailConfirmed: false };
    const made = await createCustomer(tx, { email, firstName, lastName, company, phone, level, requestedLevel, ...by });
    if (made !== null && grant.invitationId !== null) {
      await tx.updateTable('invitation').set({ used_by: made.id }).where('id', '=', grant.invitationId).execute();
    }
    await recordAudit(tx, actor, {
      action: made === null ? 'registration_refused' : 'customer_registered',
      subjectKind: 'customer',
      subject: made?.code ?? '',
      detail: { email: email.toLowerCase(), service_level: level, requested_level: requestedLevel },
    });
    const secrets = made === null ? {} : { code: made.code, api_key: made.keys.apiKey, api_secret: made.keys.apiSecret };
    const terms = { service_level: level, requested_level: requestedLevel, ...levelTerms[level] };
    return { success: true, data: { ...secrets, expires_on: yearFrom(new Date()), ...terms } };
  });
}

async function grantOf(tx: Tx, { mode, levelMax }: RegistrationRules, request: RegisterRequest): Promise<Grant> {
  const invitation = request.invitation === undefined ? undefined : await takeInvitation(tx, request.invitation);
  if (invitation === undefined && (mode === 'invite' || request.invitation !== undefined)) {
    throw new UpdaterError('LICENSE_REGISTRATION_CLOSED', 'registering needs an invitation that is good and was not used');
  }
  const requestedLevel = request.service_level ?? invitation?.service_level ?? 'basic';
  const level = lowerLevel(requestedLevel, invitation?.service_level ?? levelMax);
  return { invitationId: invitation?.id ?? null, level, requestedLevel };
}

/** For this transaction: whoever comes with the same one waits, and finds it used. */
const takeInvitation = (tx: Tx, code: string) =>
  tx
    .selectFrom('invitation')
    .select(['id', 'service_level'])
    .where('code_sha256', '=', digestOf(code))
    .where('used_by', 'is', null)
    .where('expires_at', '>', new Date())
    .forUpdate()
    .executeTakeFirst();
