import type { Updater } from '@remendo/core';
import type { CommandContext } from '../command-context.js';
import { printable } from '../output/printable.js';
import { bundleMessages } from './messages.js';

const dayOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10);

/**
 * Says how fresh a bundle is that updates come from. One that can not be read is told of where it is used.
 * @param folder null: they come from a server.
 */
export async function tellBundle(
  { output, language }: CommandContext,
  { bundle: folder, updater }: { readonly bundle: string | null; readonly updater: Pick<Updater, 'trust'> },
): Promise<void> {
  if (folder === null) return;
  const { bundle } = await updater.trust().catch(() => ({ bundle: undefined }));
  if (bundle === undefined) return;
  output.note(bundleMessages(language).asOf(printable(folder), dayOf(bundle.signedAtMs), dayOf(bundle.expiresMs)));
}
