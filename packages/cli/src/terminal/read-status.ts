/** What is known of an install without asking anybody over the network: a few small files, and the system about the agent. */
import { type CheckResult, type Installed, nodeFileSystem, peekInstall, type TrustStatus, UpdaterError } from '@remendo/core';
import { type AgentState, readAgentState } from '../agent/agent-state.js';
import { type JobRecord, readRecords } from '../backups/records.js';
import type { AgentService, ServiceState } from '../service/agent-service.js';
import { lastCheck } from './check-cache.js';
import type { Terminal } from './open-terminal.js';

export type LastTransaction = NonNullable<Awaited<ReturnType<typeof peekInstall>>>;

export interface InstallStatus {
  readonly root: string;
  readonly installed: Installed;
  /** What it is enrolled as; null: it is not. */
  readonly enrolledAs: string | null;
  readonly lastCheck: { readonly askedAtMs: number; readonly found: CheckResult } | null;
  /** Null: there was none. */
  readonly last: LastTransaction | null;
  readonly agent: {
    /** Null: setup was told to leave it to others. */
    readonly service: { readonly name: string; readonly state: ServiceState } | null;
    /** Null: it never worked here. */
    readonly lastRunMs: number | null;
    readonly preparedVersion: string | null;
  };
  /** Those that were checked at least once. */
  readonly backups: readonly JobRecord[];
  readonly trust: TrustStatus;
}

export interface StatusSources {
  readonly enrolledAs: string | null;
  readonly service: AgentService | null;
}

/** @throws UpdaterError INSTALL_NOT_FOUND when nothing of an install is there. */
export async function readStatus({ updater, layout }: Terminal, { enrolledAs, service }: StatusSources): Promise<InstallStatus> {
  const installed = await updater.status();
  const last = await peekInstall(nodeFileSystem(), layout);
  const { root, home } = layout;
  if (installed.version === null && installed.state === null && last === null)
    throw new UpdaterError('INSTALL_NOT_FOUND', `nothing is installed in ${root}`, { details: { root } });
  const agentState = readAgentState(home);
  const { jobs } = await readRecords(home);
  return {
    root,
    installed,
    enrolledAs,
    lastCheck: lastCheck(home),
    last,
    agent: {
      service: service === null ? null : { name: service.name, state: await service.state() },
      lastRunMs: lastRunOf(agentState),
      preparedVersion: agentState?.preparedVersion ?? null,
    },
    backups: jobs.filter(({ results }) => results.length > 0),
    trust: await updater.trust(),
  };
}

function lastRunOf(state: AgentState | null): number | null {
  const times = Object.values(state?.jobs ?? {}).flatMap(({ lastRunMs }) => (lastRunMs === null ? [] : [lastRunMs]));
  return times.length === 0 ? null : Math.max(...times);
}
