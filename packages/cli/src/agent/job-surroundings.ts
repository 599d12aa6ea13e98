/** What the jobs of an agent share. */
import { createUpdater, type InstallLayout, type InstallState, nodeHost } from '@remendo/core';
import type { SettingSources } from '../config.js';
import { credentialNames } from '../credentials.js';
import type { SettingName, Settings } from '../settings.js';
import type { UpdateLog } from '../terminal/update-log.js';
import type { Job } from './agent.js';
import type { AgentConfig } from './agent-config.js';
import { newAgentState, readAgentState, writeAgentState } from './agent-state.js';
import { jitterShare, planRun } from './plan-run.js';
import type { SelfUpdate } from './self-update/self-update.js';

export const agentSettingNames = [
  'root',
  'home',
  'server',
  'allowInsecure',
  'agent',
  'updateLog',
  'backups',
  'language',
  ...credentialNames,
] as const satisfies readonly SettingName[];
export type GivenSettings = Settings<(typeof agentSettingNames)[number]>;

export interface OpenJobsOptions {
  readonly settings: GivenSettings;
  readonly layout: InstallLayout;
  readonly config: AgentConfig;
  readonly flags: SettingSources['flags'];
  readonly log: UpdateLog;
  /** A name of this terminal that does not change: its place in the jitter comes from it. */
  readonly terminal: string;
  /** Null: the agent does not update itself. */
  readonly ownProgram: OwnProgram | null;
}

export interface OwnProgram {
  readonly self: Pick<SelfUpdate, 'update' | 'judge'>;
  /** It has still to prove itself: its first round comes soon, and asks the server itself. */
  readonly isOnTrial: boolean;
  /** Another version stands in its place: this one has to end. */
  readonly onReplaced: () => void;
}

/** At the times of a cron expression. */
export function byCron({ config, terminal }: OpenJobsOptions, cron: string): Job['nextMs'] {
  const { random } = nodeHost();
  const jitterMsMax = config.jitterMinutesMax * 60_000;
  return (lastRunMs, nowMs) => planRun({ cron, lastRunMs, nowMs, jitterMsMax, share: jitterShare(terminal, random.fraction()) });
}

/** What a job remembers of its own. @throws what the system says. */
export const changeState = (home: string, fields: object): void =>
  writeAgentState(home, { ...(readAgentState(home) ?? newAgentState), ...fields });

/** RFC 2606: never anybody's. No server is asked. */
const noServer = 'https://server.invalid/';

export async function readState({ root, home }: InstallLayout): Promise<InstallState | null> {
  const updater = createUpdater({ root, home, server: noServer, host: nodeHost() });
  try {
    return (await updater.status()).state;
  } finally {
    await updater.close();
  }
}
