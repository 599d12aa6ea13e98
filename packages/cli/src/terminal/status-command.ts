/** `remendo status`: what is installed, read from a few small files; nothing is changed and nobody is asked. */
import {
  type Installed,
  manifestBytes,
  manifestDigest,
  nodeFileSystem,
  peekInstall,
  shownVersion,
  type TrustStatus,
  UpdaterError,
} from '@remendo/core';
import type { CommandContext } from '../command-context.js';
import type { SettingSources } from '../config.js';
import { exitCodes } from '../exit-codes.js';
import { printable } from '../output/printable.js';
import { bytesText, countText } from '../output/quantity.js';
import { pairLines } from '../output/table.js';
import { withTerminal } from './open-terminal.js';

export async function runStatus(context: CommandContext, flags: SettingSources['flags']): Promise<number> {
  const { output } = context;
  const open = { command: 'status', flags, asksServer: false, changesInstall: false };
  return withTerminal(context, open, async ({ updater, layout }) => {
    const installed = await updater.status();
    const last = await peekInstall(nodeFileSystem(), layout);
    if (installed.version === null && installed.state === null && last === null) {
      throw new UpdaterError('INSTALL_NOT_FOUND', `nothing is installed in ${layout.root}`, { details: { root: layout.root } });
    }
    const trust = await updater.trust();
    output.document({ ...documentOf(layout.root, installed, last), trust: trustDocument(trust) });
    for (const line of pairLines([...pairsOf(layout.root, installed, last), ['trust', trustText(trust)]])) output.line(line);
    return exitCodes.done;
  });
}

const documentOf = (root: string, { version, state, manifest, blocked }: Installed, last: LastTransaction | null) => ({
  root,
  version: version === null ? null : shownVersion(version),
  application: state?.application ?? null,
  platform: state?.platform ?? null,
  channel: state?.channel ?? null,
  terminalId: state?.terminalId ?? null,
  manifestDigest: manifest === null ? null : manifestDigest(manifest),
  files: manifest?.files.length ?? null,
  bytes: manifest === null ? null : manifestBytes(manifest),
  blocked,
  lastTransaction:
    last === null
      ? null
      : { state: last.state, base: last.base?.version ?? null, target: last.target.version, reason: last.reason },
});

function pairsOf(
  root: string,
  { version, state, manifest, blocked }: Installed,
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
    ...(blocked.length === 0 ? [] : ([['not tried again', printable(blocked.join(', '))]] as const)),
    ...(last === null ? [] : ([['last update', transactionText(last)]] as const)),
  ];
}

const trustDocument = ({ kind, hasRoot, rootVersion, newestSignedAtMs }: TrustStatus) => ({
  kind,
  hasRoot,
  rootVersion,
  newestSignedAt: newestSignedAtMs === null ? null : new Date(newestSignedAtMs).toISOString(),
});

function trustText({ hasRoot, rootVersion, newestSignedAtMs }: TrustStatus): string {
  if (!hasRoot) return "no root yet: the server's is taken at the first contact";
  if (newestSignedAtMs === null) return 'a root was shipped; nothing was verified with it yet';
  return `root ${rootVersion}, newest signature of ${new Date(newestSignedAtMs).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

type LastTransaction = NonNullable<Awaited<ReturnType<typeof peekInstall>>>;

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
  return `${printable(base?.version ?? 'nothing')} → ${printable(target.version)}: ${stateTexts[state] ?? printable(state)}${because}`;
}
