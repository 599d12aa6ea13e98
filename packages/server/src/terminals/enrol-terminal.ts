/** Enrolment: a customer's machine gets an id and a secret of its own, as many machines as the licence allows. */
import { digestOf, UpdaterError } from '@remendo/core';
import type { EnrolRequest, NewTerminal } from '@remendo/core/protocol';
import { newSecret, newTerminalId } from '../accounts/credentials.js';
import { lockCustomer } from '../accounts/customer-records.js';
import type { CustomerAccount } from '../accounts/principal.js';
import { type Actor, recordAudit } from '../audit/record-audit.js';
import type { Changes } from '../database/changes.js';
import type { Tx } from '../database/open-database.js';

/**
 * A terminal that is new is in nobody's memory yet: this needs no announcement to other processes.
 * @returns its id and secret, told here only. @throws UpdaterError LICENSE_LIMIT when the customer has as many as allowed.
 */
export function enrolTerminal(
  changes: Changes,
  actor: Actor,
  { customer, request }: { readonly customer: CustomerAccount; readonly request: EnrolRequest },
): Promise<NewTerminal> {
  const id = newTerminalId();
  const secret = newSecret();
  return changes.change([], async (tx) => {
    // Taken until the end: of two machines that come at the same time, the second counts the first.
    const { id: customer_id, limits } = await lockCustomer(tx, customer.code);
    await requirePlace(tx, customer_id, limits.terminals);
    await tx
      .insertInto('terminal')
      .values({ id, customer_id, secret_sha256: digestOf(secret), ...request })
      .execute();
    const detail = { customer: customer.code, after: request };
    await recordAudit(tx, actor, { action: 'terminal_enrolled', subjectKind: 'terminal', subject: id, detail });
    return { terminal_id: id, secret };
  });
}

async function requirePlace(tx: Tx, customerId: number, terminalsMax: number | null): Promise<void> {
  if (terminalsMax === null) return;
  const { count } = await tx
    .selectFrom('terminal')
    .where('customer_id', '=', customerId)
    .where('is_enabled', '=', true)
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow();
  if (count < terminalsMax) return;
  throw new UpdaterError('LICENSE_LIMIT', `the licence allows ${terminalsMax} terminals, and so many are enrolled`, {
    details: { terminalsMax },
  });
}
