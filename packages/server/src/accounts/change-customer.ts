/** What operators change of customers. Every change is announced: it counts from the next request on. */
import { UpdaterError } from '@remendo/core';
import type { Customer, CustomerChange, CustomerRequest } from '@remendo/core/protocol';
import { type Actor, recordAudit } from '../audit/record-audit.js';
import type { Changes } from '../database/changes.js';
import { isDuplicate } from '../database/is-duplicate.js';
import { parseAddressBlocks } from './address-blocks.js';
import { createCustomer } from './create-customer.js';
import type { KeyPair } from './credentials.js';
import { customerAnswer, lockCustomer, requireCustomerRow } from './customer-records.js';
import { levelTerms } from './service-levels.js';

const vouched = { isVouched: true, isMailConfirmed: true };

/** @throws UpdaterError RECORD_EXISTS for an e-mail that somebody has, REQUEST_INVALID for addresses that are no blocks. */
export function addCustomer(
  changes: Changes,
  actor: Actor,
  request: CustomerRequest,
): Promise<{ readonly customer: Customer; readonly keys: KeyPair }> {
  const { email, first_name: firstName, last_name: lastName, company = '', phone = '', service_level: level = 'basic' } = request;
  const terms = { expiresOn: request.expires_on, limits: request.limits, features: request.features };
  const allowedAddresses = blocksOf(request.allowed_addresses);
  const fields = {
    email,
    firstName,
    lastName,
    company,
    phone,
    level,
    requestedLevel: level,
    allowedAddresses,
    ...terms,
    ...vouched,
  };
  return changes.change([], async (tx) => {
    const made = await createCustomer(tx, fields);
    if (made === null) throw emailTaken();
    const customer = customerAnswer(await requireCustomerRow(tx, made.code));
    await recordAudit(tx, actor, {
      action: 'customer_added',
      subjectKind: 'customer',
      subject: made.code,
      reason: request.reason,
      detail: { after: changeable(customer) },
    });
    return { customer, keys: made.keys };
  });
}

/**
 * A new service level brings its limits and features, unless they are given too.
 * @throws UpdaterError RECORD_NOT_FOUND, RECORD_EXISTS, REQUEST_INVALID.
 */
export async function changeCustomer(changes: Changes, actor: Actor, asked: CustomerChange & { code: string }): Promise<Customer> {
  const { code, reason, ...change } = asked;
  const allowed = blocksOf(change.allowed_addresses);
  try {
    return await changes.change(['accounts'], async (tx) => {
      await lockCustomer(tx, code);
      const before = customerAnswer(await requireCustomerRow(tx, code));
      const columns = {
        ...columnsOf(change, before),
        ...(allowed === undefined ? {} : { allowed_addresses: JSON.stringify(allowed) }),
      };
      await tx
        .updateTable('customer')
        .set({ ...columns, updated_at: new Date() })
        .where('code', '=', code)
        .execute();
      const customer = customerAnswer(await requireCustomerRow(tx, code));
      const detail = { before: changeable(before), after: changeable(customer) };
      await recordAudit(tx, actor, { action: actionOf(before, customer), subjectKind: 'customer', subject: code, reason, detail });
      return customer;
    });
  } catch (error) {
    throw isDuplicate(error) ? emailTaken() : error;
  }
}

function columnsOf(
  { email, status, limits, features, allowed_addresses: _, ...rest }: Omit<CustomerChange, 'reason'>,
  before: Customer,
) {
  const level = rest.service_level;
  const terms = level === undefined || level === before.service_level ? null : levelTerms[level];
  const newLimits = limits ?? terms?.limits;
  const newFeatures = features ?? terms?.features;
  const isSuspended = before.status === 'suspended';
  // Whose licence or address an operator sets is somebody they know.
  const isVouched = level !== undefined || rest.expires_on !== undefined || limits !== undefined || email !== undefined;
  return {
    ...rest,
    ...(isVouched ? { is_vouched: true } : {}),
    ...(email === undefined ? {} : { email: email.toLowerCase(), mail_confirmed_at: new Date(), mail_code_sha256: null }),
    ...(newLimits === undefined ? {} : { limits: JSON.stringify(newLimits) }),
    ...(newFeatures === undefined ? {} : { features: JSON.stringify(newFeatures) }),
    ...(status === 'suspended' && !isSuspended ? { suspended_at: new Date() } : {}),
    ...(status === 'active' ? { suspended_at: null } : {}),
  };
}

function actionOf(before: Customer, after: Customer): string {
  if (after.status === 'suspended' && before.status !== 'suspended') return 'customer_suspended';
  return after.status !== 'suspended' && before.status === 'suspended' ? 'customer_resumed' : 'customer_changed';
}

/** The record stays, for those that name it; its e-mail is free, and its keys and terminals are good for nothing any more. */
export function deleteCustomer(changes: Changes, actor: Actor, { code, reason }: { code: string; reason?: string | undefined }) {
  return changes.change(['accounts'], async (tx) => {
    const { id } = await lockCustomer(tx, code);
    const before = changeable(customerAnswer(await requireCustomerRow(tx, code)));
    const now = new Date();
    await tx.updateTable('customer').set({ deleted_at: now, updated_at: now }).where('id', '=', id).execute();
    await tx.deleteFrom('customer_key').where('customer_id', '=', id).execute();
    await recordAudit(tx, actor, {
      action: 'customer_deleted',
      subjectKind: 'customer',
      subject: code,
      reason,
      detail: { before },
    });
  });
}

/** What the audit says a customer was and is. */
function changeable(customer: Customer) {
  const { code: _, terminals: _terminals, last_seen_at: _seen, created_at: _created, updated_at: _updated, ...fields } = customer;
  return fields;
}

/** @throws UpdaterError REQUEST_INVALID. */
function blocksOf(blocks: readonly string[] | undefined): readonly string[] | undefined {
  try {
    return blocks === undefined ? undefined : parseAddressBlocks(blocks);
  } catch (cause) {
    throw new UpdaterError('REQUEST_INVALID', `body/allowed_addresses: ${(cause as Error).message}`, { cause });
  }
}

const emailTaken = (): UpdaterError => new UpdaterError('RECORD_EXISTS', 'there is a customer with this e-mail');
