/** The commands of customers: their arguments, options, help and examples. */
import { type RegisterRequest, serviceLevels } from '@remendo/core/protocol';
import { type Command, Option } from 'commander';
import { addExamples, addSettings, flagsOf } from '../command-options.js';
import type { SettingName } from '../config.js';
import { loadSettings } from '../config-files.js';
import type { Run } from '../run.js';
import { runLicense } from './license-command.js';
import { runRegister } from './register-command.js';

const serverFlags = ['config', 'server', 'allowInsecure'] as const satisfies readonly SettingName[];
const registerSettings = ['server', 'allowInsecure'] as const satisfies readonly SettingName[];
const licenseSettings = [...registerSettings, 'apiKey', 'apiSecret'] as const satisfies readonly SettingName[];

interface RegisterOptions {
  readonly email: string;
  readonly firstName: string;
  readonly lastName: string;
  readonly company?: string;
  readonly phone?: string;
  readonly level?: (typeof serviceLevels)[number];
  readonly invitation?: string;
  readonly out?: string;
}

export function addRegister(program: Command, run: Run): void {
  const command = program
    .command('register')
    .summary('become a customer of a server')
    .description(
      'Registers a customer and tells code, key and secret, this once. With --out key and secret go into a file that nobody else can read, and are not printed.',
    )
    .requiredOption('--email <ADDRESS>', 'E-mail')
    .requiredOption('--first-name <NAME>', 'First name')
    .requiredOption('--last-name <NAME>', 'Last name')
    .option('--company <NAME>', 'Company')
    .option('--phone <NUMBER>', 'Phone')
    .addOption(new Option('--level <LEVEL>', 'Service level to ask for; the server says what it grants').choices(serviceLevels))
    .option('--invitation <CODE>', 'Invitation, where the server wants one')
    .option('--out <FILE>', 'File for key and secret; must not be there yet');
  addSettings(command, serverFlags).action((options: RegisterOptions & Record<string, unknown>) =>
    run(command, (context) => {
      const given = { flags: flagsOf(options, serverFlags), environment: context.environment };
      const registration = { request: requestOf(options), out: options.out ?? null };
      return runRegister(context, registration, loadSettings(registerSettings, given, ['server']));
    }),
  );
  addExamples(
    command,
    'remendo register --server https://updates.example.com --email ana@example.com --first-name Ana --last-name Lima --company Padaria --out /etc/remendo/customer.env',
  );
}

const requestOf = ({ email, firstName, lastName, company, phone, level, invitation }: RegisterOptions): RegisterRequest => ({
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
      'Shows the licence: level, days left, limits, features. Ends with exit code 28 when it is expired or suspended. Key and secret come from REMENDO_API_KEY and REMENDO_API_SECRET.',
    );
  addSettings(command, serverFlags).action((options: Record<string, unknown>) =>
    run(command, (context) => {
      const given = { flags: flagsOf(options, serverFlags), environment: context.environment };
      return runLicense(context, loadSettings(licenseSettings, given, ['server', 'apiKey', 'apiSecret']));
    }),
  );
  addExamples(command, 'REMENDO_API_KEY=… REMENDO_API_SECRET=… remendo license --server https://updates.example.com');
}
