/** `remendo status`: what is installed, read from a few small files; nothing is changed and nobody is asked. */
import {
  type Installed,
  manifestBytes,
  manifestDigest,
  nodeFileSystem,
  parseJournal,
  shownVersion,
  UpdaterError,
} from '@remendo/core';
import type { CommandContext } from '../command-context.js';
import type { SettingSources } from '../config.js';
import { exitCodes } from '../exit-codes.js';
import { printable } from '../output/printable.js';
import { bytesText, countText } from '../output/quantity.js';
import { pairLines } from '../output/table.js';
import { withTerminal } from './open-terminal.js';

export interface LastTransaction {
  readonly state: string;
  readonly base: string | null;
  readonly target: string;
  readonly reason: string | null;
}

export async function runStatus(context: CommandContext, flags: SettingSources['flags']): Promise<number> {
  const { output } = context;
  const open = { command: 'status', flags, asksServer: false, changesInstall: false };
  return withTerminal(context, open, async ({ updater, layout }) => {
    const installed = await updater.status();
    const last = await readLastTransaction(layout.journal);
    if (installed.version === null && installed.state === null && last === null) {
      throw new UpdaterError('INSTALL_NOT_FOUND', `nothing is installed in ${layout.root}`, { details: { root: layout.root } });
    }
    output.document(documentOf(layout.root, installed, last));
    for (const line of pairLines(pairsOf(layout.root, installed, last))) output.line(line);
    return exitCodes.done;
  });
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

const documentOf = (root: string, { version, state, manifest }: Installed, last: LastTransaction | null) => ({
  root,
  version: version === null ? null : shownVersion(version),
  application: state?.application ?? null,
  platform: state?.platform ?? null,
  channel: state?.channel ?? null,
  terminalId: state?.terminalId ?? null,
  manifestDigest: manifest === null ? null : manifestDigest(manifest),
  files: manifest?.files.length ?? null,
  bytes: manifest === null ? null : manifestBytes(manifest),
  blocked: state?.blocked ?? [],
  lastTransaction: last,
});

function pairsOf(
  root: string,
  { version, state, manifest }: Installed,
  last: LastTransaction | null,
): readonly (readonly [string, string])[] {
  return [
    ['root', printable(root)],
    ['version', version === null ? 'unknown' : shownVersion(version)],
    ['application', printable(state === null ? 'unknown' : `${state.application} (${state.platform}), channel ${state.channel}`)],
    [
      'manifest',
      manifest === null
        ? 'missing or of another version'
        : `${countText(manifest.files.length, 'file')}, ${bytesText(manifestBytes(manifest))}, ${manifestDigest(manifest)}`,
    ],
    ...(state === null ? [] : ([['terminal', printable(state.terminalId)]] as const)),
    ...(state === null || state.blocked.length === 0 ? [] : ([['not tried again', printable(state.blocked.join(', '))]] as const)),
    ...(last === null ? [] : ([['last update', transactionText(last)]] as const)),
  ];
}

const stateTexts: Readonly<Record<string, string>> = {
  begun: 'begun; the next command gives it up',
  staged: 'ready to be put in place',
  committing: 'being put in place; the next command goes on with it',
  committed: 'in place, still has to prove healthy',
  confirmed: 'done',
  rolling_back: 'being rolled back; the next command goes on with it',
  rolled_back: 'rolled back',
  discarded: 'given up; nothing was changed',
};

function transactionText({ state, base, target, reason }: LastTransaction): string {
  const because = reason === null ? '' : ` (${printable(reason)})`;
  return `${printable(base ?? 'nothing')} → ${printable(target)}: ${stateTexts[state] ?? printable(state)}${because}`;
}
