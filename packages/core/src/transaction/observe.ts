import { digestOfFile } from '../file-system/file-source.js';
import type { Content, Slot } from './change.js';
import type { Observation, StoredState } from './swap-plan.js';
import { livePath, previousPath, stagedPath, type TransactionContext } from './transaction-context.js';

/** Reads and hashes what the disk holds for every slot, in all of the three places where it may be. */
export async function observeSlots(context: TransactionContext): Promise<readonly Observation[]> {
  const observations: Observation[] = [];
  for (const slot of context.journal.contents.slots) {
    observations.push({
      slot,
      live: await observeLive(context, slot),
      staged: await observeStored(context, stagedPath(context, slot.index), slot.target),
      previous: await observeStored(context, previousPath(context, slot.index), slot.base),
    });
  }
  return observations;
}

/** What a swap that begins now would observe, without reading: everything was surveyed and verified a moment ago. */
export const observeFresh = (context: TransactionContext): readonly Observation[] =>
  context.journal.contents.slots.map((slot) => ({
    slot,
    live: slot.base ?? 'absent',
    staged: slot.target === null ? 'absent' : 'intact',
    previous: 'absent',
  }));

async function observeLive(context: TransactionContext, slot: Slot): Promise<Observation['live']> {
  const path = livePath(context, slot);
  const stat = await context.fileSystem.stat(path);
  if (stat === null || stat.kind === 'directory') return 'absent';
  if (stat.kind !== 'file') return 'foreign';
  return { bytes: stat.bytes, sha256: await digestOfFile(context.fileSystem, path), mode: stat.mode };
}

/** A stored file is what it should be when its size and hash are. */
export async function observeStored(context: TransactionContext, path: string, content: Content | null): Promise<StoredState> {
  const stat = await context.fileSystem.stat(path);
  if (stat === null) return 'absent';
  if (content === null || stat.kind !== 'file' || stat.bytes !== content.bytes) return 'damaged';
  return (await digestOfFile(context.fileSystem, path)) === content.sha256 ? 'intact' : 'damaged';
}
