/** Makes a customer with a first key: what registering and an operator's form have in common. */
import { UpdaterError } from '@remendo/core';
import type { Tx } from '../database/open-database.js';
import type { CustomerLimits, ServiceLevel } from '../database/tables.js';
import { hashedPair, type KeyPair, newCustomerCode, newKeyPair } from './credentials.js';
import { yearFrom } from './licence.js';
import { levelTerms } from './service-levels.js';

export interface NewCustomerFields {
  readonly email: string;
  readonly firstName: string;
  readonly lastName: string;
  readonly company: string;
  readonly phone: string;
  readonly level: ServiceLevel;
  readonly requestedLevel: ServiceLevel;
  /** Left out, these are as the level has them, for a year. */
  readonly expiresOn?: string | undefined;
  readonly limits?: CustomerLimits | undefined;
  readonly features?: Readonly<Record<string, boolean>> | undefined;
  readonly allowedAddresses?: readonly string[] | undefined;
  /** An operator knows who this is. */
  readonly isVouched: boolean;
  /** An operator says that the address is theirs; else it is to be confirmed before mail goes there. */
  readonly isMailConfirmed: boolean;
}

export interface CreatedCustomer {
  readonly id: number;
  readonly code: string;
  /** Not to be read again. */
  readonly keys: KeyPair;
}

/** Of 28 million: that so many in a row are taken does not happen by chance. */
const codeTriesMax = 20;

/**
 * A customer who is new is in nobody's memory yet: this needs no announcement to other processes.
 * @returns null when somebody has this e-mail; nothing has changed then.
 */
export async function createCustomer(tx: Tx, fields: NewCustomerFields): Promise<CreatedCustomer | null> {
  const keys = newKeyPair();
  const hashed = hashedPair(keys);
  for (let tries = 0; tries < codeTriesMax; tries++) {
    const code = newCustomerCode();
    const made = await insertCustomer(tx, code, fields);
    if (made !== undefined) {
      await tx
        .insertInto('customer_key')
        .values({ customer_id: made.id, ...hashed })
        .execute();
      return { id: made.id, code, keys };
    }
    if (await isEmailTaken(tx, fields.email)) return null;
  }
  throw new UpdaterError('SERVER_FAILED', 'no free code for a customer was found');
}

function insertCustomer(tx: Tx, code: string, fields: NewCustomerFields) {
  const terms = levelTerms[fields.level];
  return tx
    .insertInto('customer')
    .values({
      code,
      email: fields.email.toLowerCase(),
      first_name: fields.firstName,
      last_name: fields.lastName,
      company: fields.company,
      phone: fields.phone,
      service_level: fields.level,
      requested_level: fields.requestedLevel,
      expires_on: fields.expiresOn ?? yearFrom(new Date()),
      limits: JSON.stringify(fields.limits ?? terms.limits),
      features: JSON.stringify(fields.features ?? terms.features),
      allowed_addresses: JSON.stringify(fields.allowedAddresses ?? []),
      is_vouched: fields.isVouched,
      mail_confirmed_at: fields.isMailConfirmed ? new Date() : null,
    })
    .onConflict((conflict) => conflict.doNothing())
    .returning('id')
    .executeTakeFirst();
}

async function isEmailTaken(tx: Tx, email: string): Promise<boolean> {
  const row = await tx
    .selectFrom('customer')
    .select('id')
    .where('email', '=', email.toLowerCase())
    .where('deleted_at', 'is', null)
    .executeTakeFirst();
  return row !== undefined;
}
