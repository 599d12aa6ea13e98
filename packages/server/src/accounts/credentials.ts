/** Makes codes, keys, secrets and tokens. What is secret of them is returned once here and stored as SHA-256 only. */
import { randomBytes, randomInt } from 'node:crypto';
import { digestOf } from '@remendo/core';

/** None that is taken for another one when it is read out: no 0, O, 1, I, L. */
const codeAlphabet = 'ABCDEFGHJKMNPQRSTUVWXYZ23456789';
const prefixAlphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

const randomText = (alphabet: string, characters: number): string =>
  Array.from({ length: characters }, () => alphabet[randomInt(alphabet.length)]).join('');

/** 256 random bits as 43 characters. */
export const newSecret = (): string => randomBytes(32).toString('base64url');

/** A customer's code, like `USR23456`: 28 million of them, so whoever makes one looks whether it is taken. */
export const newCustomerCode = (): string => `USR${randomText(codeAlphabet, 5)}`;

export const newTerminalId = (): string => `trm_${randomBytes(16).toString('base64url')}`;

export interface KeyPair {
  /** The public part, by which the key is found. */
  readonly prefix: string;
  readonly apiKey: string;
  readonly apiSecret: string;
}

export function newKeyPair(): KeyPair {
  const prefix = randomText(prefixAlphabet, 12);
  return { prefix, apiKey: `rk_${prefix}_${newSecret()}`, apiSecret: newSecret() };
}

/** What is stored of a pair. */
export const hashedPair = ({ prefix, apiKey, apiSecret }: KeyPair) => ({
  prefix,
  key_sha256: digestOf(apiKey),
  secret_sha256: digestOf(apiSecret),
});
