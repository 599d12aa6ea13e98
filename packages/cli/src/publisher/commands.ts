/** The publisher's commands: their arguments, options, help and examples. */
import { channels, releaseTypes } from '@remendo/core/protocol';
import { type Command, Option } from 'commander';
import { addExamples, addSettings, flagsOf } from '../command-options.js';
import { loadSettings } from '../config-files.js';
import { repeated, signingFlags, signingSettingNames } from '../keys/commands.js';
import type { Run } from '../run.js';
import type { SettingName } from '../settings.js';
import { runApply } from './apply-command.js';
import { type BenchOptions, runBench } from './bench-command.js';
import { type DiffOptions, diffCodecs, diffProfiles, runDiff } from './diff-command.js';
import { type ManifestOptions, runManifest } from './manifest-command.js';
import { type PublishOptions, runPublish } from './publish-command.js';
import { accesses, firstStates } from './release-fields.js';
import { runVerifySignature, type VerifySignatureOptions } from './verify-signature-command.js';

const applicationFlag = ['--application <SLUG>', 'Application the manifest names', 'app'] as const;
const platformFlag = ['--platform <NAME>', 'Platform of the build: any, win-x64, linux-x64, …', 'any'] as const;
const releaseSentence = '(default: the version in version.txt, else 0.0.0)';

const codecOption = (): Option =>
  new Option('--codec <NAME>', 'How patches are coded; whole makes none').choices(diffCodecs).default(diffCodecs[0]);

// No default of commander's: a profile that was asked for is told from none.
const profileOption = (): Option =>
  new Option(
    '--profile <NAME>',
    `Of remendo patches: compact has the fewest bytes, fast is applied in less time (default: ${diffProfiles[0]})`,
  ).choices(diffProfiles);

export function addPublisherCommands(program: Command, run: Run): void {
  addManifest(program, run);
  addDiff(program, run);
  addApply(program, run);
  addBench(program, run);
  addPublish(program, run);
  addVerifySignature(program, run);
}

function addManifest(program: Command, run: Run): void {
  const command = program
    .command('manifest')
    .argument('<DIR>', 'folder (or zip, or single file) to describe')
    .summary("print a release's manifest: every file with its size, mode and hashes")
    .description(
      "Prints the canonical manifest of a folder: every file with its size, mode, SHA-256 and xxHash64. Its SHA-256 is the release's digest.",
    )
    .option(...applicationFlag)
    .option('--release <VERSION>', `Version the manifest names ${releaseSentence}`)
    .option(...platformFlag)
    .option('--out <FILE>', 'Write it to a file instead of the standard output')
    .action((path: string, options: ManifestOptions) => run(command, (context) => runManifest(context, path, options)));
  addExamples(command, 'remendo manifest ./build --application erp --release 1.0.1 > manifest.json');
}

/** What the commands about a pair of releases share: how patches are coded, and what the releases are called. */
const withPairOptions = (command: Command): Command =>
  command
    .addOption(codecOption())
    .addOption(profileOption())
    .option(...applicationFlag)
    .option('--base-release <VERSION>', `Version of BASE ${releaseSentence}`)
    .option('--release <VERSION>', `Version of TARGET ${releaseSentence}`)
    .option(...platformFlag)
    .option('--all', 'List every file');

function addDiff(program: Command, run: Run): void {
  const command = program
    .command('diff')
    .argument('<BASE>', 'what terminals have: a folder, a .zip or a single file')
    .argument('<TARGET>', 'what they should have')
    .summary('make one delta file that takes BASE to TARGET')
    .description(
      'Makes one delta file that takes BASE to TARGET: patches and whole contents, whichever is smaller for each file; copies, moves and removals cost nothing.',
    )
    .requiredOption('--out <FILE>', 'Where the delta goes');
  withPairOptions(command).action((base: string, target: string, options: DiffOptions) =>
    run(command, (context) => runDiff(context, { base, target }, options)),
  );
  addExamples(
    command,
    'remendo diff erp-1.0.0.zip erp-1.0.1.zip --out erp.delta',
    'remendo diff 1.0.0/Vnd.exe 1.0.1/Vnd.exe --out Vnd.delta --json',
  );
}

function addApply(program: Command, run: Run): void {
  const command = program
    .command('apply')
    .argument('<BASE>', 'the folder, .zip or file the delta starts from')
    .argument('<FILE>', 'the delta file')
    .summary('build the target of a delta file')
    .description(
      'Builds what a delta file leads to, verifies every file of it, and only then lets it appear at DIR. version.txt is not part of a release.',
    )
    .requiredOption('--out <DIR>', 'Where the target goes; must be empty or not there')
    .action((base: string, delta: string, options: { out: string }) =>
      run(command, (context) => runApply(context, { base, delta }, options)),
    );
  addExamples(command, 'remendo apply erp-1.0.0.zip erp.delta --out ./erp-1.0.1');
}

function addBench(program: Command, run: Run): void {
  const command = program
    .command('bench')
    .argument('<BASE>', 'what terminals have: a folder, a .zip or a single file')
    .argument('<TARGET>', 'what they should have')
    .summary('measure the delta from BASE to TARGET, and hold it to a budget')
    .description(
      'Makes the delta from BASE to TARGET, applies it, compares every file, and prints what each file costs in bytes and seconds. Keeps nothing.',
    )
    .option('--budget <BYTES>', 'Exit with code 27 (BUDGET_EXCEEDED) when the delta is larger');
  withPairOptions(command).action((base: string, target: string, options: BenchOptions) =>
    run(command, (context) => runBench(context, { base, target }, options)),
  );
  addExamples(command, 'remendo bench erp-1.0.0.zip erp-1.0.1.zip --budget 2000000');
}

const publishFlags = [...signingFlags, 'application'] as const satisfies readonly SettingName[];
const publishSettings = [...signingSettingNames, 'application'] as const satisfies readonly SettingName[];

function addPublish(program: Command, run: Run): void {
  const command = program
    .command('publish')
    .argument('<ZIP_OR_DIR>', 'the release: a zip, or a folder, which is zipped first')
    .summary('publish a release to the server')
    .description(
      'Publishes a release. The server takes it whole or not at all and then builds the deltas to it. Publishing the same files as the same version again changes nothing. The token comes from REMENDO_TOKEN.',
    )
    .option('--release <VERSION>', 'Version (default: the one in version.txt or in the name of the zip)')
    .addOption(new Option('--channel <NAME>', 'Channel it is for: decides the type where none is named').choices(channels))
    .addOption(
      new Option('--type <TYPE>', 'Type of the release (default: stable, or development in that channel)').choices(releaseTypes),
    )
    .option(...platformFlag)
    .addOption(new Option('--state <STATE>', 'State to begin in (default: published)').choices(firstStates))
    .option('--share <SHARE>', 'Of all terminals it is let out to: 25%, 0.5% or 2500/10000 (default: all)')
    .option('--groups <NAMES>', 'Groups it is for, comma between (default: all)')
    .option('--rings <NAMES>', 'Rings that get it whatever the share, also while it is in testing, comma between')
    .option('--floor', 'Terminals have to pass it on the way to newer ones')
    .addOption(
      new Option('--requires <NAME=RANGE>', 'What a terminal has to have, such as "php=>=8.2"; may be repeated').argParser(
        (value: string, before: readonly string[] = []) => [...before, value],
      ),
    )
    .addOption(
      new Option('--access <WHO>', 'Of an application that is published for the first time: who gets its releases').choices(
        accesses,
      ),
    )
    .option('--title <TEXT>', 'Title')
    .option('--description <TEXT>', 'Description')
    .option('--changelog <TEXT>', 'What is new')
    .option('--breaking-changes <TEXT>', 'What no longer works as before')
    .option('--no-backup', 'It needs no backup before it is installed')
    .option('--downtime', 'The application is not available while it is installed')
    .option('--no-rollback-compatible', 'The version before does not work with data that this one has changed')
    .option('--mandatory', 'It must be installed')
    .addOption(repeated('--key <FILE>', 'Key of your own that signs the release, where the server does not'))
    .option('--signature <FILE>', 'Detached OpenPGP signature of the zip, armored or binary')
    .option('--wait', 'Wait until the deltas to it are built, and print their sizes');
  addSettings(command, publishFlags).action((path: string, options: PublishOptions & Record<string, unknown>) =>
    run(command, (context) => {
      const given = { flags: flagsOf(options, publishFlags), environment: context.environment };
      const settings = loadSettings(publishSettings, given, ['server', 'application', 'token']);
      return runPublish(context, path, { options, settings });
    }),
  );
  addExamples(
    command,
    'REMENDO_TOKEN=… remendo publish ./build --server https://updates.example.com --application erp --release 1.0.1 --wait',
    'REMENDO_TOKEN=… remendo publish ./build --application erp --release 1.1.0 --state testing --rings lab --share 5% --requires "php=>=8.2"',
  );
}

function addVerifySignature(program: Command, run: Run): void {
  const command = program
    .command('verify-signature')
    .argument('<ZIP>', 'the file that was signed')
    .summary("who signed a release's zip?")
    .description(
      'Verifies the detached OpenPGP signature of a zip as a terminal with these keys does, and prints who signed it and when. Ends with exit code 26 when no signature by one of the keys holds.',
    )
    .requiredOption('--signature <FILE>', 'Detached signature, armored or binary')
    .requiredOption('--keys <FILE>', 'OpenPGP public keys, armored or binary')
    .action((path: string, options: VerifySignatureOptions) =>
      run(command, (context) => runVerifySignature(context, path, options)),
    );
  addExamples(command, 'remendo verify-signature erp-1.0.1.zip --signature erp-1.0.1.zip.asc --keys publisher.asc');
}
