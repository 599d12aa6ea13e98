/** `remendo why`: what happened last, and why nothing was installed. Changes nothing and asks nobody. */
import { resolve } from 'node:path';
import {
  createUpdater,
  type Installed,
  installLayout,
  nodeFileSystem,
  nodeHost,
  peekInstall,
  shownVersion,
  UpdaterError,
} from '@remendo/core';
import type { CommandContext } from '../command-context.js';
import type { SettingSources } from '../config.js';
import { loadSettings } from '../config-files.js';
import { exitCodes } from '../exit-codes.js';
import { openEventQueue } from '../history/event-queue.js';
import { readUpdateLog } from '../terminal/read-update-log.js';
import { type AgentState, readAgentState } from './agent-state.js';
import { readProgress } from './progress-file.js';
import { type Story, tellStory } from './tell-story.js';
import { whyLines } from './why-lines.js';

export async function runWhy({ output, environment }: CommandContext, flags: SettingSources['flags']): Promise<number> {
  const settings = loadSettings(['root', 'home', 'language'], { flags, environment }, ['root']);
  const layout = installLayout(resolve(settings.root ?? '.'), settings.home === null ? undefined : resolve(settings.home));
  const { home } = layout;
  const installed = await readStatus(layout.root, home);
  const entries = readUpdateLog(home);
  if (installed.version === null && entries.length === 0)
    throw new UpdaterError('INSTALL_NOT_FOUND', `nothing is installed in ${layout.root}`, { details: { root: layout.root } });
  const agent = readAgentState(home);
  const facts = {
    installed: installed.version === null ? null : shownVersion(installed.version),
    blocked: installed.blocked,
    story: withNextTime(tellStory(entries), agent),
    license: agent?.license ?? null,
    events: openEventQueue({ home, now: () => Date.now() }).count(),
  };
  const transaction = await peekInstall(nodeFileSystem(), layout).catch(() => null);
  output.document({
    ...facts,
    transaction:
      transaction === null ? null : { state: transaction.state, target: transaction.target.version, reason: transaction.reason },
    progress: readProgress(home),
    jobs: jobsDocument(agent),
  });
  for (const line of whyLines(output, facts)) output.line(line);
  return exitCodes.done;
}

/** The log tells once what is waited for; when it is looked for next, the agent knows. */
function withNextTime(story: Story, agent: AgentState | null): Story {
  const againAtMs = agent?.jobs.update?.againAtMs ?? null;
  if (story.wait === null || againAtMs === null) return story;
  return { ...story, wait: { ...story.wait, until: new Date(againAtMs).toISOString() } };
}

/** RFC 2606: never anybody's. No server is asked. */
const noServer = 'https://server.invalid/';

/** Without a terminal's settings, and without a word in its log. */
export async function readStatus(root: string, home: string): Promise<Installed> {
  const updater = createUpdater({ root, home, server: noServer, host: nodeHost() });
  try {
    return await updater.status();
  } finally {
    await updater.close();
  }
}

const moment = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());

const jobsDocument = (agent: AgentState | null): object =>
  Object.fromEntries(
    Object.entries(agent?.jobs ?? {}).map(([name, { lastRunMs, againAtMs, outcome, detail }]) => [
      name,
      { lastRunAt: moment(lastRunMs), againAt: moment(againAtMs), outcome, detail },
    ]),
  );
