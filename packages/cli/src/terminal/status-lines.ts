import { compareVersions, manifestBytes, manifestDigest, shownVersion } from '@remendo/core';
import { stateTexts } from '../backups/messages.js';
import type { Language } from '../language.js';
import { momentText } from '../output/duration.js';
import { told } from '../output/phrases/told.js';
import { printable } from '../output/printable.js';
import { pairLines } from '../output/table.js';
import { wordFor } from './messages.js';
import type { InstallStatus, LastTransaction } from './read-status.js';
import { statusMessages } from './status-messages.js';

type Say = ReturnType<typeof statusMessages>;

export function statusLines(status: InstallStatus, language: Language): readonly string[] {
  const say = statusMessages(language);
  const { installed, last, backups } = status;
  const { version, state, blocked, floor } = installed;
  const isBelowFloor = floor !== null && version !== null && compareVersions(version.version, floor) < 0;
  const pairs: readonly (readonly [string, string | null])[] = [
    [say.root, status.root],
    [say.version, version === null ? say.unknown : shownVersion(version)],
    [say.application, state === null ? say.unknown : say.inChannel(state.application, state.platform, state.channel)],
    [say.manifest, manifestText(status, say)],
    [say.terminal, status.enrolledAs ?? (state === null ? null : say.notEnrolled(state.terminalId))],
    [say.lastCheck, checkText(status, language)],
    [say.mandatory, isBelowFloor ? say.atLeast(floor) : null],
    [say.downloaded, status.agent.preparedVersion === null ? null : say.waitsFor(status.agent.preparedVersion)],
    [say.notTriedAgain, blocked.length === 0 ? null : blocked.join(', ')],
    [say.lastUpdate, last === null ? null : transactionText(last, language)],
    [say.agent, serviceText(status.agent.service, say)],
    [say.lastAtWork, status.agent.lastRunMs === null ? null : momentText(language, status.agent.lastRunMs)],
    ...backups.map(({ job, results, sinceMs }) => {
      const words = stateTexts[language][results[0]?.state ?? 'ok'];
      return [say.backup(job), say.since(words, momentText(language, sinceMs))] as const;
    }),
    [say.trust, trustText(status, language)],
  ];
  return pairLines(pairs.flatMap(([name, text]) => (text === null ? [] : [[printable(name), printable(text)] as const])));
}

function manifestText({ installed: { manifest } }: InstallStatus, say: Say): string {
  if (manifest === null) return say.manifestMissing;
  return say.manifestOf(manifest.files.length, manifestBytes(manifest), `${manifestDigest(manifest).slice(0, 12)}…`);
}

function checkText({ lastCheck }: InstallStatus, language: Language): string | null {
  const say = statusMessages(language);
  if (lastCheck === null) return null;
  const { found, askedAtMs } = lastCheck;
  const text = found.kind === 'available' ? say.available(found.version) : say[found.kind];
  return `${momentText(language, askedAtMs)}, ${text}`;
}

function transactionText({ state, base, target, reason, heldBecause }: LastTransaction, language: Language): string {
  const say = statusMessages(language);
  const text = `${base?.version ?? say.nothing} → ${target.version}: ${heldBecause === null ? wordFor(say, state) : say.held}`;
  const why = heldBecause ?? reason;
  return why === null ? text : say.because(text, told(why, language));
}

function serviceText(service: InstallStatus['agent']['service'], say: Say): string {
  if (service === null) return say.agentNone;
  switch (service.state) {
    case 'running':
      return say.agentRunning(service.name);
    case 'stopped':
      return say.agentStopped(service.name);
    case 'installed':
      return say.agentInstalled(service.name);
    case 'missing':
      return say.agentMissing;
    case 'unknown':
      return say.agentUnknown;
  }
}

function trustText({ trust: { hasRoot, rootVersion, newestSignedAtMs } }: InstallStatus, language: Language): string {
  const say = statusMessages(language);
  if (!hasRoot) return say.noRoot;
  if (newestSignedAtMs === null) return say.rootUnused;
  return say.rootUsed(rootVersion ?? '', momentText(language, newestSignedAtMs));
}
