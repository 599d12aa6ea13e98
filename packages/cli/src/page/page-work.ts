/** What the page's answers are made of: the commands themselves, with an output that nobody reads on a console. */
import { type CheckResult, type InstallLayout, nodeFileSystem, peekInstall, UpdaterError } from '@remendo/core';
import type { AgentSettings } from '../agent/agent-settings.js';
import { holdOf, isProcess } from '../agent/hold-lock.js';
import { readProgress } from '../agent/progress-file.js';
import { readStatus, runWhy } from '../agent/why-command.js';
import type { CommandContext } from '../command-context.js';
import type { SettingSources } from '../config.js';
import { lastCheck } from '../terminal/check-cache.js';
import { runInstall } from '../terminal/install-command.js';
import { summaryOfCheck } from '../terminal/offer-lines.js';
import { withTerminal } from '../terminal/open-terminal.js';
import { runStatus } from '../terminal/status-command.js';
import { collectOutput } from './collect-output.js';
import type { CheckedAnswer, NewsAnswer, ProgressAnswer, StatusAnswer } from './page-schemas.js';
import type { RunUpdate } from './update-runner.js';

export interface PageWork {
  /** @throws UpdaterError, as every other of them. */
  status(): Promise<Omit<StatusAnswer, 'update'>>;
  check(options: { readonly force: boolean }): Promise<CheckedAnswer>;
  news(): Promise<NewsAnswer>;
  why(): Promise<object>;
  progress(): ProgressAnswer;
  readonly update: RunUpdate;
}

export interface PageWorkOptions {
  readonly layout: InstallLayout;
  readonly flags: SettingSources['flags'];
  readonly agent: AgentSettings | null;
  /** How long whoever asks waits for the server (default 10 s). */
  readonly serverWaitMs?: number;
}

const isoTime = (ms: number): string => new Date(ms).toISOString();

/** Who asks while it is being asked already gets the same answer. */
export function openPageWork(context: CommandContext, options: PageWorkOptions): PageWork {
  const { layout, flags, agent } = options;
  const { home, root } = layout;
  const statusDocument = shared(() => documentOf(context, (quiet) => runStatus(quiet, flags)));
  const checkCached = shared(() => askTerminal(context, options, false));
  const checkNow = shared(() => askTerminal(context, options, true));
  const progress = (): ProgressAnswer => progressOf(home);
  return {
    async status() {
      const last = await peekInstall(nodeFileSystem(), layout);
      const { version, state } = await readStatus(root, home);
      // Asked where nothing is, the command would log a failure, in the middle of a first installation too.
      const isThere = version !== null || state !== null || last !== null;
      const hold = holdOf(agent, root, Date.now());
      return {
        install: isThere ? await statusDocument() : null,
        awaits_launch: last?.state === 'committed',
        hold: { state: hold.kind, since: hold.kind === 'none' ? null : isoTime(hold.sinceMs) },
        ...progress(),
      };
    },
    check: async ({ force }) => checkedAnswer(await (force ? checkNow() : checkCached()), lastCheck(home)?.askedAtMs ?? null),
    news: async () => newsAnswer(await checkCached()),
    why: shared(() => documentOf(context, (quiet) => runWhy(quiet, flags))),
    progress,
    update: ({ version, retry }) =>
      documentOf(context, (quiet) =>
        runInstall(quiet, version ?? null, { flags, yes: true, command: [], ...(retry === undefined ? {} : { retry }) }),
      ),
  };
}

/** What a command says with --json. */
async function documentOf(
  context: CommandContext,
  run: (quiet: CommandContext) => Promise<number>,
): Promise<Readonly<Record<string, unknown>>> {
  const { output, said } = collectOutput(context.language);
  await run({ ...context, output, isInteractive: false });
  return said();
}

function shared<Value>(ask: () => Promise<Value>): () => Promise<Value> {
  let asking: Promise<Value> | null = null;
  return () => {
    asking ??= ask().finally(() => {
      asking = null;
    });
    return asking;
  };
}

/** Somebody looks at a page: repetitions that an update would wait for are broken off. */
async function askTerminal(context: CommandContext, options: PageWorkOptions, force: boolean): Promise<CheckResult> {
  const { flags, serverWaitMs = 10_000 } = options;
  const { output } = collectOutput(context.language);
  const found: CheckResult[] = [];
  const open = { command: 'page', flags, asksServer: true, changesInstall: false };
  await withTerminal({ ...context, output }, open, async (terminal) => {
    await terminal.guard();
    const late = new AbortController();
    const message = `the server did not answer within ${serverWaitMs} ms`;
    const timer = setTimeout(() => late.abort(new UpdaterError('DOWNLOAD_FAILED', message)), serverWaitMs);
    try {
      found.push(await terminal.check({ force, signal: AbortSignal.any([context.signal, late.signal]) }));
    } finally {
      clearTimeout(timer);
    }
    return 0;
  });
  const [answer] = found;
  if (answer === undefined) throw new TypeError('the terminal was not asked');
  return answer;
}

function checkedAnswer(found: CheckResult, askedAtMs: number | null): CheckedAnswer {
  const { kind, installed } = found;
  const offered = found.kind === 'available' ? summaryOfCheck(found).version : found.kind === 'blocked' ? found.version : null;
  return {
    outcome: kind.replaceAll('-', '_'),
    installed,
    version: offered,
    reason: found.kind === 'not-offered' ? found.reason : null,
    asked_at: askedAtMs === null ? null : isoTime(askedAtMs),
  };
}

function newsAnswer(found: CheckResult): NewsAnswer {
  if (found.kind !== 'available') return { installed: found.installed, release: null };
  const offer = summaryOfCheck(found);
  const { installed, version, type, title, changelog } = offer;
  return {
    installed,
    release: {
      version,
      type,
      title,
      changelog,
      breaking_changes: offer.breakingChanges,
      patch_bytes: offer.patchBytes,
      zip_bytes: offer.zipBytes,
      is_mandatory: offer.mandatory,
      requires_backup: offer.requiresBackup,
      requires_downtime: offer.requiresDowntime,
    },
  };
}

const workingPhases = new Set(['downloading', 'backing_up', 'installing']);

function progressOf(home: string): ProgressAnswer {
  const progress = readProgress(home);
  return { progress, is_current: progress !== null && workingPhases.has(progress.phase) && isProcess(progress.pid) };
}
