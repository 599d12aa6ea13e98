/** Commands about offline bundles: their arguments, options, help and examples. */
import { type Command, Option } from 'commander';
import { addExamples, addSettings, flagsOf } from '../command-options.js';
import { loadSettings } from '../config-files.js';
import { credentialNames } from '../credentials.js';
import { repeated } from '../keys/commands.js';
import type { Run } from '../run.js';
import type { SettingName } from '../settings.js';
import { runBundle } from './bundle-command.js';
import type { BundleOptions } from './bundle-options.js';
import { runReceipts } from './receipts-command.js';

const serverFlags = ['server', 'allowInsecure', 'config'] as const satisfies readonly SettingName[];
const bundleFlags = [...serverFlags, 'application', 'platform', 'trustRoot'] as const satisfies readonly SettingName[];
const bundleSettings = [...bundleFlags, 'token', ...credentialNames] as const satisfies readonly SettingName[];
const receiptSettings = [...serverFlags, 'token', ...credentialNames] as const satisfies readonly SettingName[];

export function addBundleCommands(program: Command, run: Run): void {
  addBundle(program, run);
  addReceipts(program, run);
}

function addBundle(program: Command, run: Run): void {
  const command = program
    .command('bundle')
    .summary('put a release on a USB stick, for terminals that no link reaches')
    .description(
      'Writes a release into a folder, such as a USB stick: the cheapest way from each version that terminals may have, and the full zip ' +
        'for all others, with signed metadata that holds for 90 days. `remendo install --from DIR` installs from there with the same checks. ' +
        'What the folder held before stays beside it; cut off, it goes on where it stopped. The token comes from REMENDO_TOKEN; without ' +
        "one, a terminal's or a customer's own credentials do for what they may have.",
    )
    .requiredOption('--release <VERSION>', 'Release to put there')
    .addOption(repeated('--from <VERSION>', 'Version that terminals have, or any: every older one (the newest 32)'))
    .requiredOption('--out <DIR>', 'The folder')
    .option('--no-zip', 'Without the full zip, where no way needs it: terminals with other versions get nothing')
    .option('--only', 'Take everything else out of the folder')
    .option('--wait', 'Wait for deltas that are still being built')
    .addOption(repeated('--program <FILE>', 'Carry a file along for first installs, such as remendo.exe'));
  addSettings(command, bundleFlags).action((options: BundleOptions & Record<string, unknown>) =>
    run(command, (context) => {
      const given = { flags: flagsOf(options, bundleFlags), environment: context.environment };
      return runBundle(context, options, loadSettings(bundleSettings, given, ['server', 'application']));
    }),
  );
  addExamples(
    command,
    'REMENDO_TOKEN=… remendo bundle --server https://updates.example.com --application erp --release 1.0.2 --from 1.0.0 --from 1.0.1 --out E:\\',
    'REMENDO_TOKEN=… remendo bundle --application erp --release 1.0.2 --from any --out /media/stick --program remendo.exe',
  );
}

function addReceipts(program: Command, run: Run): void {
  const command = program
    .command('receipts')
    .argument('<DIR>', 'folder of a bundle that terminals were updated from')
    .summary('bring what terminals without a link tell of their updates')
    .description(
      'Brings the receipts that terminals left in the folder of a bundle to the server. Each counts once, however often it is brought, and ' +
        'only as its terminal made it. Those that were taken are removed. The token comes from REMENDO_TOKEN; a customer, or one of its ' +
        'terminals, brings those of its own terminals.',
    )
    .addOption(new Option('--keep', 'Leave receipts that were taken in the folder'));
  addSettings(command, serverFlags).action((folder: string, options: { keep?: boolean } & Record<string, unknown>) =>
    run(command, (context) => {
      const given = { flags: flagsOf(options, serverFlags), environment: context.environment };
      const settings = loadSettings(receiptSettings, given, ['server']);
      return runReceipts(context, folder, { isKeeping: options.keep === true, settings });
    }),
  );
  addExamples(command, 'REMENDO_TOKEN=… remendo receipts E:\\ --server https://updates.example.com');
}
