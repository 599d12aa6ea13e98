/** The command `relay`: its options, help and examples. */
import { UpdaterError } from '@remendo/core';
import type { Command } from 'commander';
import { addExamples, addSettings, flagsOf } from '../command-options.js';
import type { Run } from '../run.js';
import type { SettingName } from '../settings.js';
import { runRelay } from './relay-command.js';
import { relayPort } from './relay-settings.js';

const flags = [
  'root',
  'home',
  'config',
  'server',
  'allowInsecure',
  'bandwidthBytesPerSecond',
  'relayServer',
  'language',
] as const satisfies readonly SettingName[];

interface RelayOptions extends Readonly<Record<string, unknown>> {
  readonly folder?: string;
  readonly host?: string;
  readonly port?: string;
}

export function addRelayCommand(program: Command, run: Run): void {
  const command = program
    .command('relay')
    .summary('download once for all terminals of a branch')
    .description(
      'Serves the terminals of this network what their updates need and fetches it from the server once, with its own key, until it is ended. ' +
        'Terminals send it no credentials and do not trust it: they prove every byte, and go to the server when it is away, slow or wrong.',
    )
    .option('--folder <DIR>', 'Where it keeps what it fetched (default: relay in the home folder)')
    .option('--host <ADDRESS>', 'Address of this machine to listen at (default: all of them)')
    .option('--port <N>', `Port to listen at; 0 takes any that is free (default: ${relayPort})`);
  addSettings(command, flags).action((options: RelayOptions) =>
    run(command, (context) => runRelay(context, { flags: flagsOf(options, flags), overrides: overridesOf(options) })),
  );
  addExamples(
    command,
    'remendo relay --folder /var/lib/remendo-relay --server https://updates.example.com',
    'remendo relay --root C:\\sistema\\bin --bandwidth 100000 --json',
  );
}

function overridesOf({ folder, host, port }: RelayOptions) {
  if (port !== undefined && !(/^\d{1,5}$/.test(port) && Number(port) <= 65_535))
    throw new UpdaterError('CONFIG_INVALID', 'the settings are not right', {
      details: { problems: ['--port must be a whole number from 0 to 65535'] },
    });
  return {
    ...(folder === undefined ? {} : { folder }),
    ...(host === undefined ? {} : { host }),
    ...(port === undefined ? {} : { port: Number(port) }),
  };
}
