/**
 * `remendo setup`: prepares a terminal for everything that comes after. What it is told is read and checked first, then
 * the folders are made and taken from others, and only then does anything of worth go into them.
 */
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type InstallLayout, nodeFileSystem, UpdaterError, writeDurably } from '@remendo/core';
import type { CommandContext } from '../command-context.js';
import type { SettingSources } from '../config.js';
import { configFileName } from '../config-files.js';
import { exitCodes } from '../exit-codes.js';
import type { Output } from '../output/output.js';
import { printable } from '../output/printable.js';
import { pairLines } from '../output/table.js';
import { judge } from '../permissions/guard-install.js';
import type { InstallPermissions, TighteningStep } from '../permissions/install-permissions.js';
import { systemPermissions } from '../permissions/system-permissions.js';
import { readAnswers, type SetupAnswers } from './read-answers.js';
import { type RootOfTrust, readRootOfTrust } from './root-of-trust.js';

export interface SetupOptions {
  readonly flags: SettingSources['flags'];
  readonly answers: string | null;
  readonly isDry: boolean;
}

export async function runSetup(
  { output, environment }: Pick<CommandContext, 'output' | 'environment'>,
  { isDry, ...given }: SetupOptions,
  permissions: InstallPermissions = systemPermissions(),
): Promise<number> {
  const answers = await readAnswers({ ...given, environment });
  const { layout } = answers;
  const root = answers.trustRoot === null ? null : await readRootOfTrust(answers.trustRoot);
  // Before anything is touched: what tightening can not mend, and this program must not work in.
  judge({ warn: () => {} }, layout, await permissions.inspect(layout, true));
  if (!isDry) await makeFolders(layout);
  const steps = await planTightening(output, permissions, layout);
  await tighten(output, steps, isDry);
  if (!isDry) judge(output, layout, await permissions.inspect(layout));
  const rootPath = join(layout.trust, 'root.json');
  const trust = await trustOf(answers, root, rootPath);
  const done = { answers, steps, root, trust, isDry } as const;
  if (!isDry) await writeFiles(done, rootPath);
  report(output, done);
  return exitCodes.done;
}

/** shipped: put there now · kept: it was there · first_use, missing: there is none, and one may be taken, or not. */
type Trust = 'shipped' | 'kept' | 'first_use' | 'missing';

async function trustOf({ trustsFirstUse }: SetupAnswers, root: RootOfTrust | null, rootPath: string): Promise<Trust> {
  if (root !== null) return 'shipped';
  if ((await nodeFileSystem().stat(rootPath)) !== null) {
    await readRootOfTrust(rootPath);
    return 'kept';
  }
  return trustsFirstUse ? 'first_use' : 'missing';
}

interface Done {
  readonly answers: SetupAnswers;
  readonly steps: readonly TighteningStep[];
  readonly root: RootOfTrust | null;
  readonly trust: Trust;
  readonly isDry: boolean;
}

/** @throws UpdaterError STORAGE_FAILED */
async function makeFolders({ root, home, trust }: InstallLayout): Promise<void> {
  try {
    // Whatever the mask of new files says: nobody else writes to the root, nobody else looks into what is the updater's.
    for (const path of [root, dirname(home)]) await mkdir(path, { recursive: true, mode: 0o755 });
    for (const path of [home, trust]) await mkdir(path, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new UpdaterError('STORAGE_FAILED', `the folders of ${root} can not be made`, { details: { root }, cause });
  }
}

/** Where the system can not tell who may write (a disk without permissions), that is said, and nothing is changed. */
async function planTightening(
  output: Output,
  permissions: InstallPermissions,
  layout: InstallLayout,
): Promise<readonly TighteningStep[]> {
  try {
    return await permissions.planTightening(layout);
  } catch (error) {
    output.warn(`the permissions of ${printable(layout.root)} can not be tightened: ${printable((error as Error).message)}`);
    return [];
  }
}

/** @throws UpdaterError STORAGE_FAILED when the system refuses a change. */
async function tighten(output: Output, steps: readonly TighteningStep[], isDry: boolean): Promise<void> {
  for (const { line } of steps) output.note(`${isDry ? 'would run' : 'permissions'}: ${printable(line)}`);
  if (isDry) return;
  for (const { line, apply } of steps) {
    try {
      await apply();
    } catch (cause) {
      throw new UpdaterError('STORAGE_FAILED', `permissions can not be changed: ${line}`, { details: { line }, cause });
    }
  }
}

/** @throws UpdaterError STORAGE_FAILED, STORAGE_NO_SPACE; the files then hold what they held. */
async function writeFiles({ answers: { layout, configuration }, root }: Done, rootPath: string): Promise<void> {
  if (root !== null) await writeDurably(nodeFileSystem(), rootPath, root.bytes);
  const text = `${JSON.stringify(configuration, null, 2)}\n`;
  await writeDurably(nodeFileSystem(), join(layout.home, configFileName), new TextEncoder().encode(text));
}

function report(output: Output, { answers, steps, root, trust, isDry }: Done): void {
  const { layout, configuration } = answers;
  const config = join(layout.home, configFileName);
  output.document({
    root: layout.root,
    home: layout.home,
    config,
    configuration,
    trust,
    trustRoot: root === null ? null : { version: root.version, expires: root.expires },
    permissions: steps.map(({ line }) => line),
    dryRun: isDry,
  });
  const pairs = [
    ['root', layout.root],
    ['updater', layout.home],
    ['configuration', config],
    ['server', answers.server],
    ['trust', trustText[trust](root)],
  ] as const;
  for (const line of pairLines(pairs.map(([name, value]) => [name, printable(value)]))) output.line(line);
  output.line(isDry ? 'Nothing was changed.' : 'Ready. remendo install installs the newest release.');
  if (trust === 'first_use') output.warn(firstUseWarning);
  if (trust === 'missing') output.warn(missingWarning);
}

const trustText: Readonly<Record<Trust, (root: RootOfTrust | null) => string>> = {
  shipped: (root) => `root ${root?.version}, until ${root?.expires}`,
  kept: () => 'the root that was there',
  first_use: () => 'at first use',
  missing: () => 'none',
};

const firstUseWarning =
  'no root of trust was given: the first one that the server shows will be believed. Ship root.json with --trust-root to trust nobody on the way.';

const missingWarning =
  'no root of trust is there, and none may be taken from the server: nothing is installed before --trust-root brings one.';
