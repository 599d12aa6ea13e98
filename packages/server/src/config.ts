/** Reads the settings of `settings.ts` from arguments, environment and files of secrets; tells all problems at once. */
import { readFileSync } from 'node:fs';
import { UpdaterError } from '@remendo/core';
import { Command, CommanderError, Option } from 'commander';
import { isSecret, type Setting, settings } from './settings.js';

export type ServerConfig = { readonly [Name in keyof typeof settings]: ReturnType<(typeof settings)[Name]['parse']> };

const example = `
Secrets are no arguments, which every process on the machine could read. Each is a variable, or a file that the variable
with _FILE behind it names:
${Object.values(settings)
  .filter(isSecret)
  .map(({ variable, sentence }) => `  ${variable.padEnd(22)}${sentence}`)
  .join('\n')}

Every flag can be given as the variable in brackets.

Example:
  $ REMENDO_TOKEN=$(openssl rand -hex 24) remendo-server --data /var/lib/remendo --port 8080 --host 0.0.0.0`;

/**
 * Reads the settings from arguments and environment; an argument goes before a variable.
 * @returns 'shown' when help or the version was asked for and has been written to the standard output.
 * @throws UpdaterError CONFIG_INVALID with every problem in its details.
 */
export function readConfig(args: readonly string[], environment: NodeJS.ProcessEnv): ServerConfig | 'shown' {
  const given = readArguments(args);
  if (given === 'shown') return 'shown';
  const problems: string[] = [...given.problems];
  const values: Record<string, unknown> = {};
  for (const [name, setting] of Object.entries<Setting<unknown>>(settings)) {
    try {
      const value = given.values[name] ?? fromEnvironment(setting, environment) ?? setting.default;
      if (value === null) throw new Error(`is missing (or ${setting.variable} in the environment)`);
      values[name] = setting.parse(value);
    } catch (error) {
      const source = given.values[name] === undefined && environment[setting.variable] !== undefined ? null : setting.flag;
      problems.push(`${source ?? setting.variable} ${(error as Error).message}`);
    }
  }
  // Every name of the table has been parsed by its own parser.
  const config = values as unknown as ServerConfig;
  if (problems.length === 0) problems.push(...disagreements(config));
  if (problems.length > 0) throw new UpdaterError('CONFIG_INVALID', problems.join('; '), { details: { problems } });
  return config;
}

/** Settings that are right alone and wrong together. */
function disagreements(config: ServerConfig): readonly string[] {
  const { objectStore, s3Bucket, tlsCertificate, tlsKey, databaseUrl, keyPassphrase } = config;
  return [
    ...(objectStore === 's3' && s3Bucket === null ? ['--object-store s3 needs --s3-bucket'] : []),
    ...((tlsCertificate === null) !== (tlsKey === null) ? ['--tls-certificate and --tls-key belong together'] : []),
    // What is made in a data folder is not there on the next machine, and opens nothing there.
    ...(databaseUrl !== null && keyPassphrase === null
      ? ['REMENDO_DATABASE_URL needs REMENDO_KEY_PASSPHRASE, the same for all servers of the database']
      : []),
    ...(databaseUrl === null && config.worker === 'off' ? ['--worker off needs a database that other servers share'] : []),
  ];
}

function fromEnvironment(setting: Setting<unknown>, environment: NodeJS.ProcessEnv): string | undefined {
  const value = environment[setting.variable];
  const file = environment[`${setting.variable}_FILE`];
  if (value !== undefined || file === undefined || !isSecret(setting)) return value;
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    throw new Error(`can not be read from the file that ${setting.variable}_FILE names`);
  }
}

function readArguments(args: readonly string[]) {
  const names = new Map<string, string>();
  const command = new Command('remendo-server')
    .description('Serves releases to terminals: checks, plans, deltas and objects over HTTP.')
    .addHelpText('after', example)
    .allowUnknownOption()
    .allowExcessArguments()
    .exitOverride();
  for (const [name, { flag, variable, argument, default: fallback, sentence }] of Object.entries<Setting<unknown>>(settings)) {
    if (flag === null) continue;
    const option = new Option(`${flag} <${argument}>`, `${sentence} [${variable}${fallback ? `, default ${fallback}` : ''}]`);
    names.set(option.attributeName(), name);
    command.addOption(option);
  }
  try {
    command.configureOutput({ writeErr: () => {} }).parse([...args], { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return 'shown';
    return { values: {}, problems: [(error as Error).message.replace(/^error: /, '')] };
  }
  const values: Record<string, string> = {};
  for (const [attribute, value] of Object.entries(command.opts<Record<string, string>>())) {
    const name = names.get(attribute);
    if (name !== undefined) values[name] = value;
  }
  return { values, problems: command.args.map((argument) => `${argument} is not an argument of this program`) };
}
