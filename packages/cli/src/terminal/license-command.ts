/** `remendo license`: is the licence good, until when, and what does it allow? */
import { answerValidator, UpdaterError } from '@remendo/core';
import { LicenseAnswer } from '@remendo/core/protocol';
import type { CommandContext } from '../command-context.js';
import { credentialsOf } from '../credentials.js';
import { exitCodes } from '../exit-codes.js';
import { openServer } from '../open-server.js';
import { dayText } from '../output/duration.js';
import type { Output } from '../output/output.js';
import { printable } from '../output/printable.js';
import { pairLines } from '../output/table.js';
import type { Settings } from '../settings.js';
import { customerMessages } from './customer-messages.js';

const validate = answerValidator(LicenseAnswer);

export type LicenseSettings = Settings<'server' | 'allowInsecure' | 'terminalSecret' | 'apiKey' | 'apiSecret'>;

/** @returns the exit code of licences when it is expired or suspended. @throws UpdaterError CONFIG_INVALID without credentials. */
export async function runLicense({ output, signal }: CommandContext, settings: LicenseSettings): Promise<number> {
  const credentials = credentialsOf(settings);
  if (Object.keys(credentials).length === 0)
    throw new UpdaterError('CONFIG_INVALID', 'whose licence is not said', { details: { problems: [missing] } });
  const license = await openServer(settings, credentials).json('api/v1/license/verify', { validate, signal });
  output.document(license);
  for (const line of licenseLines(output, license)) output.line(line);
  return license.valid ? exitCodes.done : exitCodes.license;
}

const missing =
  'REMENDO_API_KEY and REMENDO_API_SECRET are missing, and the install that --root names, if any, has no terminal of its own';

function licenseLines({ colors, language }: Output, license: LicenseAnswer): readonly string[] {
  const say = customerMessages(language);
  const { valid, status, code, level, limits, features, mail_confirmed: isConfirmed } = license;
  const limitText = (limit: number | null): string => (limit === null ? say.noLimit : say.atMost(limit));
  return pairLines([
    [say.customer, printable(code)],
    [say.licence, valid ? colors.green(say[status]) : colors.red(say[status])],
    [
      say.lastDay,
      `${printable(dayText(language, license.expires_on))}${status === 'expired' ? '' : `, ${say.daysLeft(license.days_left)}`}`,
    ],
    [say.level, level],
    [say.terminals, limitText(limits.terminals)],
    [say.administrators, limitText(limits.administrators)],
    [say.properties, limitText(limits.properties)],
    [say.features, features.length === 0 ? say.none : printable(features.join(', '))],
    ...(isConfirmed === undefined
      ? []
      : [[say.mail, isConfirmed ? say.mailConfirmed : colors.yellow(say.mailUnconfirmed)] as const]),
  ]);
}
