/** `remendo agent`: the process that looks after one install, by itself or once for somebody else's schedule. */
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { type InstallLayout, installLayout, isUpdaterError, nodeHost, UpdaterError } from '@remendo/core';
import type { CommandContext } from '../command-context.js';
import type { SettingSources } from '../config.js';
import { loadSettings } from '../config-files.js';
import { exitClassOf, exitCodes } from '../exit-codes.js';
import { durationText, momentText } from '../output/duration.js';
import { printable } from '../output/printable.js';
import { guardInstall } from '../permissions/guard-install.js';
import { makePrivateFolder } from '../terminal/replace-file.js';
import { openUpdateLog, updateLogName } from '../terminal/update-log.js';
import { Agent } from './agent.js';
import { type AgentConfig, agentConfigOf } from './agent-config.js';
import { type JobName, readAgentState, writeAgentState } from './agent-state.js';
import { endSentence, jobLine } from './end-lines.js';
import { type JobEnd, wordOf } from './job.js';
import { agentSettingNames, type GivenSettings, type OwnProgram } from './job-surroundings.js';
import { lockAgent } from './lock-agent.js';
import { agentMessages } from './messages.js';
import { openJobs } from './open-jobs.js';
import { openSelfUpdate } from './self-update/open-self-update.js';
import { qualifyAgent } from './self-update/qualify-agent.js';
import type { SelfUpdate } from './self-update/self-update.js';

export interface AgentOptions {
  readonly flags: SettingSources['flags'];
  /** One round, and the end. */
  readonly once: boolean;
  /** Reads the configuration and the install, and changes nothing: a trial run of this very program. */
  readonly qualify: boolean;
  /** Looks only after this program itself: what the spare does before the program is started. */
  readonly guard: boolean;
}

/** The program itself comes first: a new one that can not even read its settings goes back to the one before. */
export async function runAgent(context: CommandContext, options: AgentOptions): Promise<number> {
  if (options.qualify) return qualifyAgent(context, options.flags);
  const self = openSelfUpdate(context, options.flags);
  try {
    const { step, waitMs } = (await self?.begin(options.guard ? 'spare' : 'program')) ?? { step: 'go-on', waitMs: 0 };
    if (options.guard) return exitCodes.done;
    return step === 'restart' ? exitCodes.restart : await work(context, self, { ...options, waitMs });
  } finally {
    await self?.close();
  }
}

interface WorkOptions extends AgentOptions {
  /** Before the first round; a schedule of somebody else's has pauses of its own. */
  readonly waitMs: number;
}

/** An end that somebody asked for, or that says why, is no crash. */
async function work(context: CommandContext, self: SelfUpdate | null, options: WorkOptions): Promise<number> {
  const { signal, output } = context;
  try {
    if (options.waitMs > 0 && !options.once) {
      output.warn(agentMessages(output.language).putOff(durationText(options.waitMs / 1_000, output.language)));
      await nodeHost().clock.sleep(options.waitMs, signal);
    }
    return await lookAfter(context, self, options);
  } catch (error) {
    if (!signal.aborted && isUpdaterError(error)) await self?.end('refused');
    throw error;
  } finally {
    if (signal.aborted) await self?.end('asked');
  }
}

async function lookAfter(context: CommandContext, self: SelfUpdate | null, options: AgentOptions): Promise<number> {
  const { output, environment } = context;
  const read = (): GivenSettings => loadSettings(agentSettingNames, { flags: options.flags, environment }, ['root']);
  const { root, home } = checked(read()).settings;
  const layout = installLayout(resolve(root ?? '.'), home === null ? undefined : resolve(home));
  await guardInstall(output, layout);
  makePrivateFolder(layout.home);
  const lock = await lockAgent(layout);
  try {
    // Once more: `setup` takes what was written before the lock for read, and starts nothing anew for it.
    const { settings, config } = checked(read());
    const replaced = new AbortController();
    const signal = AbortSignal.any([context.signal, replaced.signal]);
    const isOnTrial = (await self?.isOnTrial()) === true;
    const ownProgram = self === null ? null : { self, isOnTrial, onReplaced: () => replaced.abort() };
    const agent = openAgent({ ...context, signal }, { settings, layout, config, flags: options.flags, ownProgram });
    if (options.once) return exitCodeOf(await agent.runOnce(signal), context.signal);
    await runUntilStopped({ ...context, signal }, layout, agent);
    return replaced.signal.aborted ? exitCodes.restart : exitCodes.done;
  } finally {
    await lock.release();
  }
}

async function runUntilStopped({ output, signal }: CommandContext, layout: InstallLayout, agent: Agent): Promise<void> {
  const say = agentMessages(output.language);
  const nextMs = agent.nextMs();
  output.line(say.started(printable(layout.root), momentText(output.language, nextMs)));
  output.event('agent_started', { root: layout.root, nextAt: new Date(nextMs).toISOString() });
  await agent.run(signal);
  output.progress.end();
  output.line(say.stopped);
  output.event('agent_stopped');
}

/** Without a server there are still backups to look at. @throws UpdaterError CONFIG_INVALID */
function checked(settings: GivenSettings): { readonly settings: GivenSettings; readonly config: AgentConfig } {
  const { server, backups, agent } = settings;
  if (server !== null || backups !== null) return { settings, config: agentConfigOf(agent) };
  const problems = [
    '--server is missing (or REMENDO_SERVER_URL in the environment); only an agent that watches backups does without',
  ];
  throw new UpdaterError('CONFIG_INVALID', 'the settings are not right', { details: { problems } });
}

interface OpenAgentOptions {
  readonly settings: GivenSettings;
  readonly layout: InstallLayout;
  readonly config: AgentConfig;
  readonly flags: SettingSources['flags'];
  readonly ownProgram: OwnProgram | null;
}

function openAgent(context: CommandContext, { settings, layout, config, flags, ownProgram }: OpenAgentOptions): Agent {
  const { output } = context;
  const { clock, random } = nodeHost();
  const log = openUpdateLog({
    ...settings.updateLog,
    path: join(layout.home, updateLogName),
    command: 'agent',
    now: () => new Date(clock.now()),
    makeFolder: true,
    onFailure: output.warn,
  });
  const terminal = `${hostname()} ${layout.root}`;
  const { jobs, deliver } = openJobs(context, { settings, layout, config, flags, log, terminal, ownProgram });
  const show = showEnds(context);
  return new Agent({
    clock,
    fraction: () => random.fraction(),
    jobs,
    state: { read: () => readAgentState(layout.home), write: (state) => writeAgentState(layout.home, state) },
    spreadMs: Math.min(config.jitterMinutesMax, 5) * 60_000,
    deliver,
    onEnd(name, end, next) {
      if (name === 'update' && end.kind === 'wait' && next.isNews)
        log.write('update_waits', { reason: end.reason, until: new Date(next.atMs).toISOString(), detail: end.detail });
      if (name !== 'update' && (end.kind === 'failed' || end.kind === 'retry'))
        log.write(`${name}_failed`, { code: end.code, message: end.detail });
      show(name, end, next);
    },
  });
}

/** A line for everything that is news; with --json an event for all of it. */
const showEnds =
  ({ output }: CommandContext) =>
  (name: JobName, end: JobEnd, { atMs, isNews }: { readonly atMs: number; readonly isNews: boolean }): void => {
    const { language } = output;
    const say = agentMessages(language);
    const code = 'code' in end ? end.code : null;
    output.progress.end();
    output.event('job_ended', { job: name, outcome: wordOf(end), code, detail: end.detail, nextAt: new Date(atMs).toISOString() });
    if (!isNews && (end.kind === 'wait' || name === 'backups')) return;
    const sentence = endSentence(language, end);
    const line = end.kind === 'done' || end.kind === 'failed' ? sentence : say.again(sentence, momentText(language, atMs));
    output.line(jobLine(language, name, line));
  };

/** Of the round; whoever scheduled it wants to know. @throws the signal's reason. */
function exitCodeOf(ends: readonly JobEnd[], signal: AbortSignal): number {
  signal.throwIfAborted();
  const failure = ends.find((end) => end.kind === 'failed' || end.kind === 'retry');
  if (failure === undefined || !('code' in failure)) return exitCodes.done;
  return failure.code === null ? exitCodes.unexpected : exitCodes[exitClassOf[failure.code]];
}
