/** What the last transaction of the agent's own install does to the program. */
import { readFile } from 'node:fs/promises';
import { bufferSource, type InstallLayout, type ParsedJournal, parseJournal, type peekInstall } from '@remendo/core';

export type LastTransaction = NonNullable<Awaited<ReturnType<typeof peekInstall>>>;

/** @throws UpdaterError TRANSACTION_JOURNAL_INVALID, or what the system says. */
export const readJournal = async ({ journal }: Pick<InstallLayout, 'journal'>): Promise<ParsedJournal['contents']> =>
  (await parseJournal(bufferSource(await readFile(journal)))).contents;

/** Windows starts a program by its name in any case, and that is how it then knows its own. */
export const isProgram = (path: string, program: string): boolean =>
  process.platform === 'win32' ? path.toLowerCase() === program.toLowerCase() : path === program;

/** Whether a rollback brings another program back: a first install has none, and some releases leave the program as it is. */
export async function hasFormer(layout: Pick<InstallLayout, 'journal'>, program: string): Promise<boolean> {
  const { slots } = await readJournal(layout);
  return slots.some(({ place, path, base }) => place === 'root' && base !== null && isProgram(path, program));
}
