/** `remendo license`: is the licence good, until when, and what does it allow? */
import { answerValidator } from '@remendo/core';
import { LicenseAnswer } from '@remendo/core/protocol';
import type { CommandContext } from '../command-context.js';
import type { Settings } from '../config.js';
import { exitCodes } from '../exit-codes.js';
import { openServer } from '../open-server.js';
import type { Output } from '../output/output.js';
import { printable } from '../output/printable.js';
import { countText, numberText } from '../output/quantity.js';
import { pairLines } from '../output/table.js';

const validate = answerValidator(LicenseAnswer);

/** @returns the exit code of licences when it is expired or suspended. */
export async function runLicense(
  { output, signal }: CommandContext,
  { apiKey, apiSecret, ...settings }: Settings<'server' | 'allowInsecure' | 'apiKey' | 'apiSecret'>,
): Promise<number> {
  // The command asks for them as required: without one it has ended before.
  if (apiKey === null || apiSecret === null) throw new TypeError('settings were not checked');
  const http = openServer(settings, { authorization: `Bearer ${apiKey}`, 'x-api-secret': apiSecret });
  const license = await http.json('api/v1/license/verify', { validate, signal });
  output.document(license);
  for (const line of licenseLines(output, license)) output.line(line);
  return license.valid ? exitCodes.done : exitCodes.license;
}

function licenseLines({ colors }: Output, license: LicenseAnswer): readonly string[] {
  const { valid, status, code, level, limits, features } = license;
  return pairLines([
    ['customer', printable(code)],
    ['licence', valid ? colors.green(status) : colors.red(status)],
    ['last day', `${printable(license.expires_on)}${status === 'expired' ? '' : `, ${countText(license.days_left, 'day')} left`}`],
    ['level', level],
    ['terminals', limitText(limits.terminals)],
    ['administrators', limitText(limits.administrators)],
    ['properties', limitText(limits.properties)],
    ['features', features.length === 0 ? 'none' : printable(features.join(', '))],
  ]);
}

const limitText = (limit: number | null): string => (limit === null ? 'no limit' : `at most ${numberText(limit)}`);
