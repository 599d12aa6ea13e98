/** The commands of operators: their arguments, options, help and examples. */
import { channels } from '@remendo/core/protocol';
import { type Command, Option } from 'commander';
import { addExamples, addSettings, flagsOf } from '../command-options.js';
import { loadSettings } from '../config-files.js';
import { repeated, signingFlags, signingSettingNames } from '../keys/commands.js';
import { runSignRelease, type SignReleaseOptions } from '../keys/sign-release.js';
import type { Run } from '../run.js';
import type { SettingName } from '../settings.js';
import { runAllowDowngrade, runChangeState, runPromote, type StateChange } from './change-release.js';
import type { RolloutOptions } from './parse-rollout.js';
import type { OperatorSettings } from './releases-api.js';
import { runRollout } from './rollout-command.js';
import { runListReleases, runShowRelease } from './show-releases.js';

const changeFlags = ['config', 'server', 'application', 'allowInsecure'] as const satisfies readonly SettingName[];
const readFlags = [...changeFlags, 'platform'] as const satisfies readonly SettingName[];
const settingNames = ['server', 'application', 'platform', 'allowInsecure', 'token'] as const satisfies readonly SettingName[];

type Options = Readonly<Record<string, unknown>>;

/** @param required what has to be given besides server and token: changes name their application, so that none goes to the default one. */
function settingsOf(
  options: Options,
  environment: NodeJS.ProcessEnv,
  required: readonly 'application'[] = ['application'],
): OperatorSettings {
  return loadSettings(settingNames, { flags: flagsOf(options, readFlags), environment }, ['server', 'token', ...required]);
}

export function addReleasesCommand(program: Command, run: Run): void {
  const releases = program
    .command('releases')
    .summary('look at releases, and change what terminals get of them')
    .description('Looks at the releases on the server and changes what terminals get of them. The token comes from REMENDO_TOKEN.');
  addList(releases, run);
  addShow(releases, run);
  for (const change of stateChanges) addStateChange(releases, run, change);
  addSignRelease(releases, run);
  addDowngrade(releases, run);
  addPromote(releases, run);
  addRollout(releases, run);
  addExamples(
    releases,
    'remendo releases list --server https://updates.example.com --application erp --json',
    'remendo releases rollout 1.0.1 --application erp --share 25% --reason "a week without trouble"',
  );
}

function addList(releases: Command, run: Run): void {
  const command = releases
    .command('list')
    .summary('every release: state, rollout, channels')
    .description('Lists the releases of an application, the newest first: state, rollout, and which channels point to them.');
  addSettings(command, readFlags).action((options: Options) =>
    run(command, (context) => runListReleases(context, settingsOf(options, context.environment, []))),
  );
  addExamples(command, 'remendo releases list --server https://updates.example.com --application erp');
}

function addShow(releases: Command, run: Run): void {
  const command = releases
    .command('show')
    .argument('<VERSION>', 'the release')
    .summary('one release: how it fares, and the deltas to it')
    .description('Shows one release: its state and texts, how its rollout fares, and the deltas that lead to it.');
  addSettings(command, readFlags).action((version: string, options: Options) =>
    run(command, (context) => runShowRelease(context, version, settingsOf(options, context.environment, []))),
  );
  addExamples(command, 'remendo releases show 1.0.1 --application erp');
}

interface StateCommand {
  readonly name: string;
  readonly state: StateChange['state'];
  readonly summary: string;
  readonly description: string;
}

const stateChanges: readonly StateCommand[] = [
  {
    name: 'test',
    state: 'testing',
    summary: 'a draft goes to the terminals of its rings',
    description: 'Gives a draft to the terminals of its rings, and to no others.',
  },
  {
    name: 'publish',
    state: 'published',
    summary: 'a draft or tested release goes to everybody its rollout reaches',
    description:
      'Publishes a release that is a draft, in testing or deprecated: terminals get it as far as its rollout reaches. Its channels come to point to it when it is their newest.',
  },
  {
    name: 'deprecate',
    state: 'deprecated',
    summary: 'no longer offered, but by a pin or as a floor',
    description: 'A deprecated release is given by a pin or as a floor only. It can be published again.',
  },
  {
    name: 'withdraw',
    state: 'withdrawn',
    summary: 'offered to nobody any more, for good',
    description:
      'Stops offering a release, for good: it can not be published again, and its version is used up. Who has it keeps it. Pausing its rollout can be taken back.',
  },
];

const reasonOption = (verb: string): Option =>
  new Option('--reason <TEXT>', 'Why; kept in the audit').default(`by remendo releases ${verb}`);

function addStateChange(releases: Command, run: Run, { name, state, summary, description }: StateCommand): void {
  const command = releases.command(name).argument('<VERSION>', 'the release').summary(summary).description(description);
  if (state === 'testing') command.option('--rings <NAMES>', 'Rings that test it, comma between (default: those it has)');
  if (state === 'withdrawn') command.option('--yes', 'Ask nothing; needed where nobody can be asked');
  command.addOption(reasonOption(name));
  addSettings(command, changeFlags).action(
    (version: string, options: Options & { readonly reason: string; readonly rings?: string; readonly yes?: boolean }) =>
      run(command, (context) => {
        const { reason, rings, yes = false } = options;
        const change = { state, reason, yes, ...(rings === undefined ? {} : { rings }) };
        return runChangeState(context, { version, change, settings: settingsOf(options, context.environment) });
      }),
  );
  const rings = state === 'testing' ? ' --rings lab' : '';
  addExamples(command, `remendo releases ${name} 1.0.1 --application erp${rings} --reason "ticket 4711"`);
}

function addSignRelease(releases: Command, run: Run): void {
  const names = [...signingFlags, 'application', 'platform'] as const satisfies readonly SettingName[];
  const command = releases
    .command('sign')
    .argument('<VERSION>', 'a draft that waits for signatures, or any release')
    .summary('sign a release with keys of your own')
    .description(
      'Looks at the zip of a release on this machine, computes its manifest and signs both: a draft that waited for it becomes what its publisher wanted. Without --zip the zip is fetched from the server first; give your own to sign nothing that passed through it.',
    )
    .addOption(repeated('--key <FILE>', 'Key to sign with'))
    .option('--zip <FILE>', 'The zip, as it was published')
    .option('--downgrade-from <VERSION>', 'Terminals with this version, or an older one, may go back to the release')
    .option('--out <FILE>', 'Write it there for other holders of keys to sign, instead of sending it')
    .addOption(reasonOption('sign'));
  addSettings(command, names).action((version: string, options: Options & SignReleaseOptions) =>
    run(command, (context) => {
      const flags = flagsOf(options, names);
      const loaded = loadSettings(
        [...signingSettingNames, 'application', 'platform'],
        { flags, environment: context.environment },
        ['server', 'token', 'application'],
      );
      const { application, platform } = loaded;
      return runSignRelease(context, { application: application ?? '', platform, version, options, settings: loaded });
    }),
  );
  addExamples(command, 'remendo releases sign 1.0.1 --application erp --zip erp-1.0.1.zip --key release.key');
}

function addDowngrade(releases: Command, run: Run): void {
  const command = releases
    .command('allow-downgrade')
    .argument('<VERSION>', 'the older release')
    .summary('let terminals go back to a release')
    .description(
      'Has the server sign that terminals may go back to a release, where the server signs for the application; with keys of your own `releases sign --downgrade-from` does it. A terminal goes back when a policy of its own pins it there, too.',
    )
    .requiredOption('--from <VERSION>', 'Terminals with this version, or an older one, may')
    .addOption(reasonOption('allow-downgrade'));
  addSettings(command, changeFlags).action(
    (version: string, options: Options & { readonly from: string; readonly reason: string }) =>
      run(command, (context) => {
        const { from, reason } = options;
        return runAllowDowngrade(context, {
          version,
          change: { from, reason },
          settings: settingsOf(options, context.environment),
        });
      }),
  );
  addExamples(
    command,
    'remendo releases allow-downgrade 1.0.0 --from 1.1.0 --application erp --reason "1.1.0 prints invoices twice"',
  );
}

function addPromote(releases: Command, run: Run): void {
  const command = releases
    .command('promote')
    .argument('<VERSION>', 'a published release')
    .summary('point a channel to a release')
    .description(
      'Points a channel to a published release of its types, also to an older one than before: terminals that have a newer one keep it.',
    )
    .addOption(new Option('--channel <NAME>', 'Channel').choices(channels).makeOptionMandatory())
    .addOption(reasonOption('promote'));
  addSettings(command, changeFlags).action(
    (version: string, options: Options & { readonly reason: string; readonly channel: (typeof channels)[number] }) =>
      run(command, (context) => {
        const change = { channel: options.channel, reason: options.reason };
        return runPromote(context, { version, change, settings: settingsOf(options, context.environment) });
      }),
  );
  addExamples(command, 'remendo releases promote 1.0.1 --application erp --channel stable');
}

function addRollout(releases: Command, run: Run): void {
  const command = releases
    .command('rollout')
    .argument('<VERSION>', 'the release')
    .summary('how far a release is let out, and how it fares there')
    .description(
      'Changes how far a release is let out; what is not named stays. Shows how it fares there, also when nothing is changed.',
    )
    .option('--share <SHARE>', 'Of all terminals: 25%, 0.5% or 2500/10000')
    .option('--groups <NAMES>', 'Groups it is for, comma between; empty: all')
    .option('--rings <NAMES>', 'Rings that get it whatever the share, comma between; empty: none')
    .addOption(new Option('--pause', 'Offer it to nobody for now').conflicts('resume'))
    .option('--resume', 'Offer it again, also after a halt')
    .option('--halt-rate <RATE>', 'Halt by itself when the failure rate is surely over this, such as 0.05')
    .option('--halt-attempts <N>', 'Look at the rate from this many attempts on')
    .option('--halt-rollbacks <N>', 'Halt by itself after more rollbacks than this, whatever the rate')
    .addOption(reasonOption('rollout'));
  addSettings(command, changeFlags).action((version: string, options: Options & RolloutOptions & { readonly reason: string }) =>
    run(command, (context) =>
      runRollout(context, { version, change: options, settings: settingsOf(options, context.environment) }),
    ),
  );
  addExamples(
    command,
    'remendo releases rollout 1.0.1 --application erp',
    'remendo releases rollout 1.0.1 --application erp --share 25% --groups south,north',
    'remendo releases rollout 1.0.1 --application erp --pause --reason "invoices print twice"',
  );
}
