/** The publisher's token: 256 random bits or what the environment says; only its SHA-256 is stored. */
import { randomBytes, timingSafeEqual } from 'node:crypto';
import { digestOf, UpdaterError } from '@remendo/core';
import type { Db } from '../database/open-database.js';

const name = 'publisher';

/**
 * Makes sure that there is a token. One from the environment replaces whatever was stored.
 * @returns the token in the clear when it was made now: to be shown once, it can not be read again.
 */
export async function ensurePublisherToken(db: Db, fromEnvironment: string | null): Promise<string | null> {
  const stored = await db.selectFrom('operator_token').where('name', '=', name).select('name').executeTakeFirst();
  if (fromEnvironment === null && stored !== undefined) return null;
  const made = fromEnvironment === null ? randomBytes(32).toString('base64url') : null;
  const token_sha256 = digestOf(fromEnvironment ?? made ?? '');
  await db
    .insertInto('operator_token')
    .values({ name, token_sha256 })
    .onConflict((conflict) => conflict.column('name').doUpdateSet({ token_sha256 }))
    .execute();
  return made;
}

/** Lets the request pass, or says no in the same way for every reason. @throws UpdaterError AUTH_REQUIRED. */
export async function requirePublisher(db: Db, authorization: string | undefined): Promise<void> {
  const token = /^Bearer +([\x21-\x7e]{1,512})$/i.exec(authorization ?? '')?.[1];
  const rows = token === undefined ? [] : await db.selectFrom('operator_token').select('token_sha256').execute();
  const given = hashBytes(digestOf(token ?? ''));
  const matches = rows.map((row) => timingSafeEqual(hashBytes(row.token_sha256), given));
  if (!matches.includes(true))
    throw new UpdaterError('AUTH_REQUIRED', 'publishing needs the header Authorization: Bearer with a valid token');
}

const hashBytes = (hex: string): Buffer => Buffer.from(hex, 'hex');
