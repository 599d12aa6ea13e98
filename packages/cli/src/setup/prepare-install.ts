/** The part of `setup` that is about this machine's disk: folders, who may write to them, the root of trust, the configuration. */
import { mkdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type InstallLayout, nodeFileSystem, UpdaterError, writeDurably } from '@remendo/core';
import { configFileName } from '../config-files.js';
import type { Output } from '../output/output.js';
import { printable } from '../output/printable.js';
import type { InstallPermissions, TighteningStep } from '../permissions/install-permissions.js';
import type { SetupMessages } from './messages.js';
import { type RootOfTrust, readRootOfTrust } from './root-of-trust.js';
import type { StepOutcome } from './told-steps.js';

/** Whatever the mask of new files says: nobody else writes to the root, nobody else looks into what is the updater's. */
const foldersOf = ({ root, home, trust }: InstallLayout): readonly { readonly path: string; readonly mode: number }[] => [
  ...[root, dirname(home)].map((path) => ({ path, mode: 0o755 })),
  ...[home, trust].map((path) => ({ path, mode: 0o700 })),
];

/** @returns whether there were any to make. @throws UpdaterError STORAGE_FAILED */
export async function makeFolders(layout: InstallLayout, isDry: boolean): Promise<boolean> {
  const fileSystem = nodeFileSystem();
  let isMissing = false;
  for (const { path, mode } of foldersOf(layout)) {
    if ((await fileSystem.stat(path)) !== null) continue;
    isMissing = true;
    if (isDry) break;
    try {
      await mkdir(path, { recursive: true, mode });
    } catch (cause) {
      const { root } = layout;
      throw new UpdaterError('STORAGE_FAILED', `the folders of ${root} can not be made`, { details: { root }, cause });
    }
  }
  return isMissing;
}

/** Where the system can not tell who may write (a disk without permissions), that is said, and nothing is changed. */
export async function planTightening(
  { output, say }: { readonly output: Output; readonly say: SetupMessages },
  permissions: InstallPermissions,
  layout: InstallLayout,
): Promise<readonly TighteningStep[]> {
  try {
    return await permissions.planTightening(layout);
  } catch (error) {
    output.warn(say.permissionsUnknown(printable(layout.root), printable((error as Error).message)));
    return [];
  }
}

/** @throws UpdaterError STORAGE_FAILED when the system refuses a change. */
export async function tighten(steps: readonly TighteningStep[]): Promise<void> {
  for (const { line, apply } of steps) {
    try {
      await apply();
    } catch (cause) {
      throw new UpdaterError('STORAGE_FAILED', `permissions can not be changed: ${line}`, { details: { line }, cause });
    }
  }
}

/** shipped: put there now · kept: it was there · first_use, missing: there is none, and one may be taken, or not. */
export type Trust = 'shipped' | 'kept' | 'first_use' | 'missing';

/** Puts a root of trust in its place, unless that very one is there. @throws UpdaterError TRUST_INVALID, STORAGE_FAILED. */
export async function placeTrust(
  layout: InstallLayout,
  root: RootOfTrust | null,
  { isDry, trustsFirstUse }: { readonly isDry: boolean; readonly trustsFirstUse: boolean },
): Promise<Trust> {
  const path = join(layout.trust, 'root.json');
  const before = await readFile(path).catch(() => null);
  if (root !== null) {
    if (before !== null && Buffer.compare(before, root.bytes) === 0) return 'kept';
    if (!isDry) await writeDurably(nodeFileSystem(), path, root.bytes);
    return 'shipped';
  }
  if (before === null) return trustsFirstUse ? 'first_use' : 'missing';
  await readRootOfTrust(path);
  return 'kept';
}

/** @throws UpdaterError STORAGE_FAILED, STORAGE_NO_SPACE; the file then holds what it held. */
export async function writeConfiguration(
  { home }: InstallLayout,
  configuration: Readonly<Record<string, unknown>>,
  isDry: boolean,
): Promise<StepOutcome> {
  const path = join(home, configFileName);
  const text = `${JSON.stringify(configuration, null, 2)}\n`;
  const before = await readFile(path, 'utf8').catch(() => null);
  if (before === text) return 'kept';
  if (isDry) return 'planned';
  await writeDurably(nodeFileSystem(), path, new TextEncoder().encode(text));
  return before === null ? 'done' : 'changed';
}
