import { UpdaterError } from '@remendo/core';
import type { Settings } from './settings.js';

/** Who asks the server: headers of every request. */
export type Credentials = Readonly<Record<string, string>>;

/** The settings that say it. */
export const credentialNames = ['terminalSecret', 'apiKey', 'apiSecret'] as const;

/** A terminal's own id and secret, as they stand in its file. */
export interface TerminalSecret {
  readonly id: string;
  readonly secret: string;
}

export const encodeTerminalSecret = ({ id, secret }: TerminalSecret): string => `${id}:${secret}`;

/** @throws UpdaterError CONFIG_INVALID; the secret is in no message. */
export function parseTerminalSecret(text: string): TerminalSecret {
  const [, id, secret] = /^(trm_[A-Za-z0-9_-]{22}):([!-~]+)$/.exec(text) ?? [];
  if (id !== undefined && secret !== undefined) return { id, secret };
  throw invalid('REMENDO_TERMINAL_SECRET, or the file that is named for it, does not hold ID:SECRET of a terminal');
}

const signedIn = (name: string, secret: string): Credentials => ({ authorization: `Bearer ${name}`, 'x-api-secret': secret });

/**
 * An enrolled terminal signs in as itself; before it is one, with the customer's key and secret; without either, nobody.
 * @throws UpdaterError CONFIG_INVALID
 */
export function credentialsOf({ terminalSecret, apiKey, apiSecret }: Settings<(typeof credentialNames)[number]>): Credentials {
  if (terminalSecret !== null) {
    const { id, secret } = parseTerminalSecret(terminalSecret);
    return signedIn(id, secret);
  }
  return customerCredentialsOf({ apiKey, apiSecret });
}

/** What only the customer may ask. @throws UpdaterError CONFIG_INVALID when one of the two is missing. */
export function customerCredentialsOf({ apiKey, apiSecret }: Settings<'apiKey' | 'apiSecret'>): Credentials {
  if ((apiKey === null) !== (apiSecret === null))
    throw invalid('REMENDO_API_KEY and REMENDO_API_SECRET belong together; one of them is missing');
  return apiKey === null || apiSecret === null ? {} : signedIn(apiKey, apiSecret);
}

const invalid = (problem: string): UpdaterError =>
  new UpdaterError('CONFIG_INVALID', 'the settings are not right', { details: { problems: [problem] } });
