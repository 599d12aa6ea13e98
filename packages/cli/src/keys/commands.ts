/** `remendo keys`: its arguments, options, help and examples. */
import { type Command, Option } from 'commander';
import { addExamples, addSettings, flagsOf } from '../command-options.js';
import { loadSettings } from '../config-files.js';
import type { Run } from '../run.js';
import type { SettingName } from '../settings.js';
import type { SigningSettings } from './open-signing.js';
import {
  type DelegateOptions,
  type HandOverOptions,
  runCreateKey,
  runDelegate,
  runHandOver,
  runKeysStatus,
  runRenew,
  runRevoke,
  runRoot,
  runRotate,
  runSign,
  runUpload,
  type SignOptions,
} from './run-keys.js';

export const signingFlags = [
  'config',
  'server',
  'allowInsecure',
  'trustRoot',
  'trustFolder',
] as const satisfies readonly SettingName[];
export const signingSettingNames = [
  'server',
  'allowInsecure',
  'trustRoot',
  'trustFolder',
  'token',
  'keyPassphrase',
  'signingKey',
] as const satisfies readonly SettingName[];

type Options = Readonly<Record<string, unknown>>;

export const signingSettings = (options: Options, environment: NodeJS.ProcessEnv): SigningSettings =>
  loadSettings(signingSettingNames, { flags: flagsOf(options, signingFlags), environment }, ['server', 'token']);

export const repeated = (flags: string, description: string): Option =>
  new Option(flags, `${description}; may be repeated`).argParser((value: string, before: readonly string[] = []) => [
    ...before,
    value,
  ]);

const count = (flags: string, description: string): Option => new Option(flags, description).argParser(Number);

export function addKeysCommand(program: Command, run: Run): void {
  const keys = program
    .command('keys')
    .summary('make keys, and say who signs what')
    .description(
      'Makes the keys that sign releases, and changes who signs what: root, targets, applications. Passphrases come from REMENDO_KEY_PASSPHRASE, the token from REMENDO_TOKEN.',
    );
  addCreate(keys, run);
  addStatus(keys, run);
  addHandOver(keys, run);
  addDelegate(keys, run);
  addRotate(keys, run);
  addRevoke(keys, run);
  addRenew(keys, run);
  addSign(keys, run);
  addUpload(keys, run);
  addRoot(keys, run);
  addExamples(keys, 'remendo keys status --server https://updates.example.com', 'remendo keys create --out release.key');
}

/** What every command that signs takes. */
const withSigning = (command: Command): Command =>
  addSettings(
    command
      .addOption(repeated('--key <FILE>', 'Key to sign with'))
      .option('--out <FILE>', 'Write it there for other holders of keys to sign, instead of sending it')
      .option('--reason <TEXT>', 'Why; kept in the audit'),
    signingFlags,
  );

const withCosigned = (command: Command): Command =>
  command.option('--cosigned', "The server's own keys sign too, where they may: it has to run with --hand-over on");

function addCreate(keys: Command, run: Run): void {
  const command = keys
    .command('create')
    .summary('make a new key')
    .description(
      'Makes a new Ed25519 key: FILE holds it, encrypted with the passphrase, and FILE.pub its public half. Nothing is sent anywhere.',
    )
    .requiredOption('--out <FILE>', 'Where the key goes; never written over')
    .option('--no-passphrase', 'Leave it unencrypted, for places that are protected otherwise');
  command.action((options: { out: string; passphrase: boolean }) =>
    run(command, async (context) =>
      runCreateKey(
        context,
        options,
        loadSettings(['keyPassphrase', 'signingKey'], { flags: {}, environment: context.environment }),
      ),
    ),
  );
  addExamples(command, 'REMENDO_KEY_PASSPHRASE=… remendo keys create --out release.key');
}

function addStatus(keys: Command, run: Run): void {
  const command = keys
    .command('status')
    .summary('who signs what, until when, and what that means')
    .description(
      'Shows who signs what, until when, which builds wait for a signature, and what whoever takes the server over could do.',
    );
  addSettings(command, signingFlags).action((options: Options) =>
    run(command, (context) => runKeysStatus(context, signingSettings(options, context.environment))),
  );
  addExamples(command, 'remendo keys status --server https://updates.example.com');
}

function addHandOver(keys: Command, run: Run): void {
  const command = withSigning(
    keys
      .command('hand-over')
      .summary('take root and targets from the server')
      .description(
        'Takes the keys of root and targets from the server, which made them at its first start: a new root names keys of your own, signed by them and by the server, which then forgets its. Terminals follow by themselves. The server has to run with --hand-over on meanwhile.',
      )
      .addOption(
        repeated(
          '--root-key <FILE>',
          'Key of the root: a key file, or the .pub of one that somebody else holds',
        ).makeOptionMandatory(),
      )
      .addOption(count('--root-threshold <N>', 'How many of them have to sign a root (default: 1)'))
      .addOption(
        repeated('--targets-key <FILE>', 'The same for targets, which says who signs each application').makeOptionMandatory(),
      )
      .addOption(count('--targets-threshold <N>', 'How many of them have to sign (default: 1)')),
  );
  command.action((options: HandOverOptions & Options) =>
    run(command, (context) => runHandOver(context, { options, settings: signingSettings(options, context.environment) })),
  );
  addExamples(command, 'remendo keys hand-over --root-key ana.key --root-key rui.pub --targets-key targets.key');
}

function addDelegate(keys: Command, run: Run): void {
  const command = withCosigned(
    withSigning(
      keys
        .command('delegate')
        .summary('let keys of its own sign an application')
        .description(
          'Says which keys sign the releases of an application, and signs all that is signed of it anew by them. From then on whatever arrives unsigned stays a draft until `remendo releases sign`.',
        )
        .requiredOption('--application <SLUG>', 'The application')
        .addOption(repeated('--to <FILE>', 'Key of the application: a key file, or the .pub of one').makeOptionMandatory())
        .addOption(count('--threshold <N>', 'How many of them have to sign a release (default: 1)')),
    ),
  );
  command.action((options: DelegateOptions & Options & { application: string }) =>
    run(command, (context) =>
      runDelegate(context, { application: options.application, options, settings: signingSettings(options, context.environment) }),
    ),
  );
  addExamples(command, 'remendo keys delegate --application erp --to release.key --key targets.key');
}

function addRotate(keys: Command, run: Run): void {
  const command = withCosigned(
    withSigning(
      keys
        .command('rotate')
        .summary('other keys for root, targets, or the server')
        .description(
          "Replaces keys of a role by a new root: those of root and targets by files, the server's online key by one that it makes. Keys of an application are replaced by `delegate`.",
        )
        .addOption(new Option('--role <ROLE>', 'Whose keys').choices(['root', 'targets', 'online']).makeOptionMandatory())
        .addOption(repeated('--add <FILE>', 'Key to add: a key file, or the .pub of one'))
        .addOption(repeated('--remove <ID>', 'Id of a key to remove, or its first digits'))
        .addOption(count('--threshold <N>', 'How many have to sign from now on (default: as before)')),
    ),
  );
  command.action(
    (
      options: SignOptions &
        Options & { role: 'root' | 'targets' | 'online'; add?: string[]; remove?: string[]; threshold?: number },
    ) =>
      run(command, (context) => {
        const { role, add = [], remove = [], threshold = null } = options;
        const key = [...(options.key ?? []), ...add.filter((file) => !file.endsWith('.pub'))];
        return runRotate(context, {
          role,
          change: { add, remove, threshold },
          options: { ...options, key },
          settings: signingSettings(options, context.environment),
        });
      }),
  );
  addExamples(
    command,
    'remendo keys rotate --role online --key ana.key --key targets.key',
    'remendo keys rotate --role root --add eva.key --remove 3fa9c1d2 --key ana.key',
  );
}

function addRevoke(keys: Command, run: Run): void {
  const command = withSigning(
    keys
      .command('revoke')
      .argument('<ID>', 'id of the key, or its first digits')
      .summary('a key that is lost or stolen signs nothing any more')
      .description('Removes a key from every role that names it, and signs anew what it signed. --add names what takes its place.')
      .addOption(repeated('--add <FILE>', 'Key that takes its place: a key file, or the .pub of one')),
  );
  command.action((keyId: string, options: SignOptions & Options & { add?: string[] }) =>
    run(command, (context) => {
      const { add = [] } = options;
      const key = [...(options.key ?? []), ...add.filter((file) => !file.endsWith('.pub'))];
      return runRevoke(context, {
        keyId,
        add,
        options: { ...options, key },
        settings: signingSettings(options, context.environment),
      });
    }),
  );
  addExamples(command, 'remendo keys revoke 3fa9c1d2 --add new.key --key ana.key --key targets.key');
}

function addRenew(keys: Command, run: Run): void {
  const command = withSigning(
    keys
      .command('renew')
      .summary('sign anew what is going to expire')
      .description('Signs everything that the given keys may sign for another year (root: two), without changing anything else.'),
  );
  command.action((options: SignOptions & Options) =>
    run(command, (context) => runRenew(context, { options, settings: signingSettings(options, context.environment) })),
  );
  addExamples(command, 'remendo keys renew --key release.key');
}

function addSign(keys: Command, run: Run): void {
  const command = keys
    .command('sign')
    .argument('<FILE>', 'what another command wrote with --out')
    .summary('add a signature to a file')
    .description(
      'Adds signatures to metadata that others have begun to sign, and shows what it is. Needs no server and no network.',
    )
    .addOption(repeated('--key <FILE>', 'Key to sign with'));
  command.action((file: string, options: SignOptions) =>
    run(command, async (context) =>
      runSign(context, {
        file,
        options,
        settings: loadSettings(['keyPassphrase', 'signingKey'], { flags: {}, environment: context.environment }),
      }),
    ),
  );
  addExamples(command, 'remendo keys sign root-2.json --key rui.key');
}

function addUpload(keys: Command, run: Run): void {
  const command = withCosigned(
    addSettings(
      keys
        .command('upload')
        .argument('<FILE>', 'what enough holders of keys have signed')
        .summary('send signed metadata to the server')
        .description('Sends metadata that enough keys have signed. The server takes all of it, or nothing.')
        .option('--reason <TEXT>', 'Why; kept in the audit'),
      signingFlags,
    ),
  );
  command.action((file: string, options: SignOptions & Options) =>
    run(command, (context) => runUpload(context, { file, options, settings: signingSettings(options, context.environment) })),
  );
  addExamples(command, 'remendo keys upload root-2.json');
}

function addRoot(keys: Command, run: Run): void {
  const command = keys
    .command('root')
    .summary('get the root of trust to ship with terminals')
    .description(
      'Writes the newest root, verified from the one this machine trusts: `remendo setup --trust-root` installs it on terminals.',
    )
    .requiredOption('--out <FILE>', 'Where it goes');
  addSettings(command, signingFlags).action((options: Options & { out: string }) =>
    run(command, (context) => runRoot(context, { out: options.out, settings: signingSettings(options, context.environment) })),
  );
  addExamples(command, 'remendo keys root --out root.json');
}
