/**
 * Between staging and the swap of an update of the agent: the new program is run from where it is staged, and only when it is fit
 * the running one is kept as the spare and the swap may go on.
 */
import { join } from 'node:path';
import {
  blockVersion,
  type FileSystem,
  type InstallGate,
  type InstallLayout,
  limits,
  parseManifest,
  readSmallFile,
  UpdaterError,
} from '@remendo/core';
import { isProgram, readJournal } from './last-transaction.js';
import { linkOrCopy, sparePath } from './spare-program.js';

export interface QualifyStagedOptions {
  readonly fileSystem: FileSystem;
  /** Of the agent's own install. */
  readonly layout: InstallLayout;
  /** File name of the program in the install root. */
  readonly program: string;
  /** @returns what makes the program at this path unfit, or null. */
  readonly qualify: (program: string, signal?: AbortSignal) => Promise<string | null>;
  readonly log: (event: string, fields?: object) => void;
}

/** Where the new program stands for its trial run. */
const trialPath = ({ home }: Pick<InstallLayout, 'home'>, program: string): string => join(home, 'trial', program);

/** For one update. The updater asks before it downloads, when there is nothing to look at yet, and again before it swaps. */
export function qualifyingGate(options: QualifyStagedOptions, signal?: AbortSignal): InstallGate {
  const { fileSystem, layout, program, log } = options;
  let asked = 0;
  return async ({ version }) => {
    // Of an update that was killed: it would keep the room of a whole program.
    if (++asked < 2) return fileSystem.removeFile(trialPath(layout, program));
    const reason = await qualifyStaged(options, signal);
    if (reason !== null) {
      await blockVersion(fileSystem, layout, version);
      throw new UpdaterError('START_FAILED', `version ${version} of the agent is not fit to run here: ${reason}`, {
        details: { version, reason },
      });
    }
    const live = join(layout.root, program);
    if ((await fileSystem.stat(live)) !== null) await linkOrCopy(fileSystem, live, sparePath(layout.home, program));
    log('agent_qualified', { version });
  };
}

/** @returns what makes it unfit, or null. */
async function qualifyStaged(options: QualifyStagedOptions, signal?: AbortSignal): Promise<string | null> {
  const { layout, program, qualify, fileSystem } = options;
  const { transaction, slots } = await readJournal(layout);
  const staged = (place: 'root' | 'home', isWanted: (path: string) => boolean): string | null => {
    const slot = slots.find((one) => one.place === place && one.target !== null && isWanted(one.path));
    return slot === undefined ? null : join(layout.staging, transaction, String(slot.index));
  };
  const manifest = staged('home', (path) => path === 'manifest.json');
  if (manifest !== null && !(await holdsProgram(fileSystem, manifest, program))) return `it has no ${program}`;
  const found = staged('root', (path) => isProgram(path, program));
  // A release that leaves the program as it is.
  if (found === null) return qualify(join(layout.root, program), signal);
  const trial = trialPath(layout, program);
  try {
    // Under the program's own name: Windows starts nothing that is called `0`.
    await linkOrCopy(fileSystem, found, trial);
    return await qualify(trial, signal);
  } finally {
    await fileSystem.removeFile(trial).catch(() => undefined);
  }
}

/** Without it there would be no program after the swap, or for ever the one before under the number of another. */
async function holdsProgram(fileSystem: FileSystem, path: string, program: string): Promise<boolean> {
  const bytes = await readSmallFile(fileSystem, path, limits.manifestBytesMax);
  return bytes !== null && parseManifest(bytes).files.some((file) => isProgram(file.path, program));
}
