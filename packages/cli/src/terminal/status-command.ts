/** `remendo status`: what is installed, what is under way, and who looks after it. Changes nothing and asks no server. */
import { manifestBytes, manifestDigest, shownVersion } from '@remendo/core';
import type { CommandContext } from '../command-context.js';
import type { SettingSources } from '../config.js';
import { loadSettings } from '../config-files.js';
import { parseTerminalSecret } from '../credentials.js';
import { exitCodes } from '../exit-codes.js';
import { agentServiceOf } from '../service/agent-service-of.js';
import { serviceSettingsOf } from '../service/service-settings.js';
import { systemService } from '../service/system-service.js';
import { withTerminal } from './open-terminal.js';
import { type InstallStatus, type LastTransaction, readStatus } from './read-status.js';
import { statusLines } from './status-lines.js';

export async function runStatus(context: CommandContext, flags: SettingSources['flags']): Promise<number> {
  const { output, language, environment } = context;
  const open = { command: 'status', flags, asksServer: false, changesInstall: false };
  return withTerminal(context, open, async (terminal) => {
    const settings = loadSettings(['service', 'selfUpdate', 'terminalSecret'], { flags, environment });
    const { service, selfUpdate, terminalSecret } = settings;
    const status = await readStatus(terminal, {
      enrolledAs: terminalSecret === null ? null : parseTerminalSecret(terminalSecret).id,
      service: agentServiceOf(terminal.layout, { service: serviceSettingsOf(service), selfUpdate }, systemService),
    });
    output.document(documentOf(status));
    for (const line of statusLines(status, language)) output.line(line);
    return exitCodes.done;
  });
}

const isoTime = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());

function documentOf({ root, installed, enrolledAs, lastCheck, last, agent, backups, trust }: InstallStatus) {
  const { version, state, manifest, blocked, floor } = installed;
  return {
    root,
    version: version === null ? null : shownVersion(version),
    application: state?.application ?? null,
    platform: state?.platform ?? null,
    channel: state?.channel ?? null,
    terminalId: enrolledAs ?? state?.terminalId ?? null,
    isEnrolled: enrolledAs !== null,
    manifestDigest: manifest === null ? null : manifestDigest(manifest),
    files: manifest?.files.length ?? null,
    bytes: manifest === null ? null : manifestBytes(manifest),
    blocked,
    mandatoryFloor: floor,
    lastCheck: lastCheck === null ? null : checkDocument(lastCheck),
    lastTransaction: last === null ? null : transactionDocument(last),
    agent: {
      service: agent.service?.name ?? null,
      state: agent.service?.state ?? null,
      lastRunAt: isoTime(agent.lastRunMs),
      preparedVersion: agent.preparedVersion,
    },
    backups: backups.map(({ job, results, sinceMs }) => ({ job, state: results[0]?.state ?? null, since: isoTime(sinceMs) })),
    trust: {
      kind: trust.kind,
      hasRoot: trust.hasRoot,
      rootVersion: trust.rootVersion,
      newestSignedAt: isoTime(trust.newestSignedAtMs),
    },
  };
}

const transactionDocument = ({ state, base, target, reason, heldBecause }: LastTransaction) => ({
  state,
  base: base?.version ?? null,
  target: target.version,
  reason,
  heldBecause,
});

const checkDocument = ({ askedAtMs, found }: NonNullable<InstallStatus['lastCheck']>) => ({
  at: isoTime(askedAtMs),
  outcome: found.kind.replaceAll('-', '_'),
  version: 'version' in found ? found.version : found.installed,
});
