import type { Updater } from '@remendo/core';
import type { CommandContext } from '../command-context.js';
import type { Language } from '../language.js';
import { dayText } from '../output/duration.js';
import { printable } from '../output/printable.js';
import { bundleMessages } from './messages.js';

const dayOf = (ms: number, language: Language): string => dayText(language, new Date(ms).toISOString().slice(0, 10));

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
  const [made, expires] = [dayOf(bundle.signedAtMs, language), dayOf(bundle.expiresMs, language)];
  output.note(bundleMessages(language).asOf(printable(folder), made, expires));
}
