import { type Command, Option } from 'commander';
import { addExamples, addSettings, flagsOf } from '../command-options.js';
import { loadSettings } from '../config-files.js';
import type { Run } from '../run.js';
import type { SettingName } from '../settings.js';
import type { SimulateOptions } from './parse-simulation.js';
import { runSimulate, simulateSettings } from './simulate-command.js';

const flags = ['config', 'server', 'application', 'platform', 'channel', 'allowInsecure'] as const satisfies readonly SettingName[];

export function addSimulateCommand(program: Command, run: Run): void {
  const command = program
    .command('simulate')
    .summary('many terminals against a server: throughput, latency, nothing lost')
    .description(
      'Plays many terminals at once: they check, fetch what is offered over links as slow as real ones, tell what they did, and repeat what breaks off. ' +
        'Prints throughput, latency and errors, and proves that every object arrived right and every event is in the log once. Installs nothing.',
    )
    .option('--terminals <N>', 'How many', '100')
    .option('--duration <TIME>', 'For how long they check', '60s')
    .option('--finish-within <TIME>', 'How long updates that run at the end get to finish', '60s')
    .option('--check-interval <TIME>', 'Between two checks of a terminal, a tenth more or less', '60s')
    .option('--versions <VERSION=WEIGHT,…>', 'What they have, such as 1.0.0=50,1.1.0=30,unknown=20', 'unknown')
    .option('--links <SPEED=WEIGHT,…>', 'How fast they read, in bits per second, such as 256k=20,4m=80', 'unlimited')
    .option('--drops <SHARE>', 'Of the downloads of objects: cut in the middle and resumed', '0')
    .option('--kills <SHARE>', 'Of all requests: connection destroyed, and repeated', '0')
    .option('--updating <N>', 'How many fetch what they are offered, the others look at the plan (default: all)')
    .addOption(
      new Option('--addresses <WHICH>', 'Where they come from: shared is one address, loopback one of 127.0.0.0/8 for each')
        .choices(['shared', 'loopback'])
        .default('shared'),
    )
    .option('--enrol', 'Enrol each of them first, for the customer of REMENDO_API_KEY and REMENDO_API_SECRET')
    .option('--seed <N>', 'Of all chance; printed at the end (default: another one each time)');
  addSettings(command, flags).action((options: SimulateOptions & Record<string, unknown>) =>
    run(command, (context) => {
      const given = { flags: flagsOf(options, flags), environment: context.environment };
      return runSimulate(context, { options, settings: loadSettings(simulateSettings, given, ['server']) });
    }),
  );
  addExamples(
    command,
    'remendo simulate --server http://127.0.0.1:8080 --terminals 5000 --versions 1.0.0=80,1.1.0=20 --addresses loopback --duration 10m',
    'remendo simulate --server https://updates.example.com --links 256k=20,1m=50,4m=30 --drops 0.05 --kills 0.02 --json',
  );
}
