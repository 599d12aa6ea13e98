import { nodeFileSystem, parseJournal } from '@remendo/core';

/** What the journal says; read without the install's lock, so it may be about to change. */
export interface LastTransaction {
  readonly state: string;
  readonly base: string | null;
  readonly target: string;
  readonly reason: string | null;
}

/** Null without a journal. @throws UpdaterError TRANSACTION_JOURNAL_INVALID */
export async function readLastTransaction(path: string): Promise<LastTransaction | null> {
  const fileSystem = nodeFileSystem();
  if ((await fileSystem.stat(path)) === null) return null;
  const source = await fileSystem.open(path, 'read');
  try {
    const { state, base, target, reason } = (await parseJournal(source)).contents;
    return { state, base: base?.version ?? null, target: target.version, reason };
  } finally {
    await source.close();
  }
}
