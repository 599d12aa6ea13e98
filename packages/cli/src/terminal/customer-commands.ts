/** The commands of customers: their arguments, options, help and examples. */
import { UpdaterError } from '@remendo/core';
import { type RegisterRequest, serviceLevels } from '@remendo/core/protocol';
import { type Command, Option } from 'commander';
import type { CommandContext } from '../command-context.js';
import { addExamples, addSettings, flagsOf } from '../command-options.js';
import { loadSettings } from '../config-files.js';
import { credentialNames } from '../credentials.js';
import type { Run } from '../run.js';
import type { SettingName } from '../settings.js';
import { runLicense } from './license-command.js';
import { runConfirm, runRegister, runSendCode } from './register-command.js';

const serverFlags = ['root', 'home', 'config', 'server', 'allowInsecure', 'language'] as const satisfies readonly SettingName[];
const registerSettings = ['server', 'allowInsecure', 'language'] as const satisfies readonly SettingName[];
const customerSettings = [...registerSettings, 'apiKey', 'apiSecret'] as const satisfies readonly SettingName[];
const licenseSettings = [...registerSettings, ...credentialNames] as const satisfies readonly SettingName[];

/** Who becomes a customer. */
export interface Person {
  readonly email: string;
  readonly firstName: string;
  readonly lastName: string;
  readonly company?: string;
  readonly phone?: string;
  readonly level?: (typeof serviceLevels)[number];
  readonly invitation?: string;
}

interface RegisterOptions extends Partial<Person> {
  readonly out?: string;
  readonly confirm?: string;
  readonly sendCode?: boolean;
}

export function addRegister(program: Command, run: Run): void {
  const command = program
    .command('register')
    .summary('become a customer of a server')
    .description(
      'Registers a customer and tells code, key and secret, this once. With --out key and secret go into a file that nobody else can read, and are not printed. ' +
        'A server that sends mail sends a code to the address; --confirm tells it, with key and secret from REMENDO_API_KEY and REMENDO_API_SECRET.',
    )
    .option('--email <ADDRESS>', 'E-mail')
    .option('--first-name <NAME>', 'First name')
    .option('--last-name <NAME>', 'Last name')
    .option('--company <NAME>', 'Company')
    .option('--phone <NUMBER>', 'Phone')
    .addOption(new Option('--level <LEVEL>', 'Service level to ask for; the server says what it grants').choices(serviceLevels))
    .option('--invitation <CODE>', 'Invitation, where the server wants one')
    .option('--out <FILE>', 'File for key and secret; must not be there yet')
    .option('--confirm <CODE>', 'Confirm the mail address of the customer that is there, with the code that was sent there')
    .option('--send-code', 'Send another code to that address');
  addSettings(command, serverFlags).action((options: RegisterOptions & Record<string, unknown>) =>
    run(command, (context) => register(context, options)),
  );
  addExamples(
    command,
    'remendo register --server https://updates.example.com --email ana@example.com --first-name Ana --last-name Lima --company Padaria --out /etc/remendo/customer.env',
    'REMENDO_API_KEY=… REMENDO_API_SECRET=… remendo register --server https://updates.example.com --confirm ABCDEFGH23',
  );
}

function register(context: CommandContext, options: RegisterOptions & Record<string, unknown>): Promise<number> {
  const given = { flags: flagsOf(options, serverFlags), environment: context.environment };
  if (options.confirm !== undefined || options.sendCode === true) {
    const settings = loadSettings(customerSettings, given, ['server', 'apiKey', 'apiSecret']);
    return options.confirm === undefined
      ? runSendCode(context, settings)
      : runConfirm(context, options.confirm.trim().toUpperCase(), settings);
  }
  const registration = { request: requestOf(assertPerson(options)), out: options.out ?? null };
  return runRegister(context, registration, loadSettings(registerSettings, given, ['server']));
}

/** @throws UpdaterError CONFIG_INVALID with all that is missing. */
function assertPerson(options: RegisterOptions): Person {
  const { email, firstName, lastName } = options;
  if (email !== undefined && firstName !== undefined && lastName !== undefined) return { ...options, email, firstName, lastName };
  const given = { '--email': email, '--first-name': firstName, '--last-name': lastName };
  const problems = Object.entries(given).flatMap(([flag, value]) => (value === undefined ? [`${flag} is missing`] : []));
  throw new UpdaterError('CONFIG_INVALID', 'the options are not right', { details: { problems } });
}

export const requestOf = ({ email, firstName, lastName, company, phone, level, invitation }: Person): RegisterRequest => ({
  email,
  first_name: firstName,
  last_name: lastName,
  ...(company === undefined ? {} : { company }),
  ...(phone === undefined ? {} : { phone }),
  ...(level === undefined ? {} : { service_level: level }),
  ...(invitation === undefined ? {} : { invitation }),
});

export function addLicense(program: Command, run: Run): void {
  const command = program
    .command('license')
    .summary('is the licence good, until when, and what does it allow?')
    .description(
      'Shows the licence: level, days left, limits, features, and whether the mail address is confirmed. Ends with exit code 28 when it is expired or suspended. Asks as the terminal that the install --root names is enrolled as, or with REMENDO_API_KEY and REMENDO_API_SECRET.',
    );
  addSettings(command, serverFlags).action((options: Record<string, unknown>) =>
    run(command, (context) => {
      const given = { flags: flagsOf(options, serverFlags), environment: context.environment };
      return runLicense(context, loadSettings(licenseSettings, given, ['server']));
    }),
  );
  addExamples(
    command,
    'remendo license --root /opt/erp',
    'REMENDO_API_KEY=… REMENDO_API_SECRET=… remendo license --server https://updates.example.com',
  );
}
