/**
 * What a run of the tests printed, and which secrets it handed out: kept in one folder while the run lasts, and searched
 * for secrets when it is over (`search-leaks.ts`). Without `REMENDO_TEST_RECORD`, nothing is kept.
 */
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';

export const recordVariable = 'REMENDO_TEST_RECORD';
export const secretsFile = 'secrets';

/** Shorter ones are words, which stand anywhere. */
const secretCharactersMin = 12;
/** Of a key as text (PEM), by itself or in JSON: any full line of it. */
const keyLine = /[A-Za-z0-9+/]{40,}/g;

/** @param source whose it is, as a file's name: `server`. */
export function recordOutput(source: string, text: string): void {
  const folder = process.env[recordVariable];
  if (folder !== undefined) appendFileSync(join(folder, `${source}.${process.pid}.log`), text);
}

/** None of these may stand in anything that was recorded, whenever it was. */
export function recordSecrets(secrets: readonly string[]): void {
  const folder = process.env[recordVariable];
  const parts = secrets.flatMap((secret) => (secret.includes('PRIVATE KEY') ? linesOf(secret) : [secret]));
  const lines = parts.filter(({ length }) => length >= secretCharactersMin).map((part) => `${JSON.stringify(part)}\n`);
  if (folder !== undefined && lines.length > 0) appendFileSync(join(folder, secretsFile), lines.join(''));
}

/** In JSON its line ends are escapes. */
const linesOf = (key: string): readonly string[] => key.replaceAll('\\n', '\n').match(keyLine) ?? [];

const secretName = /(TOKEN|SECRET|PASSWORD|PASSPHRASE|API_KEY|SECRET_ACCESS_KEY|SHEETS_KEY)$/;

/** What is secret of an environment: variables by their names, and passwords in addresses. */
export function secretsIn(environment: NodeJS.ProcessEnv): readonly string[] {
  return Object.entries(environment).flatMap(([name, value = '']) => {
    if (secretName.test(name)) return [value];
    const password = URL.canParse(value) ? new URL(value).password : '';
    return password === '' ? [] : [password, decodeURIComponent(password)];
  });
}
