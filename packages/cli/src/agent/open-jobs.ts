/** The jobs of an agent, on this machine. */
import { createHttpClient, hasCode, isUpdaterError, nodeHost } from '@remendo/core';
import { backupOptionsOf } from '../backups/open-backups.js';
import { runDueBackupJobs } from '../backups/run-due-jobs.js';
import type { CommandContext } from '../command-context.js';
import { credentialsOf } from '../credentials.js';
import { serverAskedToWait } from '../history/deliver-events.js';
import { openHistory } from '../history/open-history.js';
import { updateLogDefaults } from '../terminal/update-log.js';
import type { AgentPorts, Job } from './agent.js';
import { cleanInstall, sum } from './cleanup-command.js';
import { byCron, changeState, type OpenJobsOptions, readState } from './job-surroundings.js';
import { askLicense } from './license-job.js';
import { updateJob } from './update-job.js';

export function openJobs(context: CommandContext, options: OpenJobsOptions): Pick<AgentPorts, 'jobs' | 'deliver'> {
  const { settings } = options;
  const hasServer = settings.server !== null;
  const backups = backupsJob(context, options);
  const isSignedIn = Object.keys(credentialsOf(settings)).length > 0;
  return {
    jobs: [
      ...(hasServer ? [updateJob(context, options)] : []),
      ...(hasServer && isSignedIn ? [licenseJob(options)] : []),
      cleanupJob(options),
      ...(backups === null ? [] : [backups]),
    ],
    deliver: hasServer ? deliverer(options) : () => Promise.resolve(),
  };
}

function licenseJob(options: OpenJobsOptions): Job {
  const { settings, config, layout, log } = options;
  const { clock, random } = nodeHost();
  const http = createHttpClient({
    serverUrl: settings.server ?? '',
    allowInsecure: settings.allowInsecure ?? false,
    credentials: () => credentialsOf(settings),
    clock,
    random,
  });
  const ports = {
    http,
    warnDays: config.licenseWarnDays,
    nowMs: () => clock.now(),
    remember: (license: object) => changeState(layout.home, { license }),
    log: (event: string, fields: object) => log.write(event, fields),
  };
  return {
    name: 'license',
    isFirst: true,
    nextMs: byCron(options, config.licenseCron),
    run: (signal) => askLicense(ports, signal),
  };
}

function cleanupJob(options: OpenJobsOptions): Job {
  const { layout, config, settings, log } = options;
  const { downloadDaysMax } = config;
  const oldFilesMax = settings.updateLog?.oldFilesMax ?? updateLogDefaults.oldFilesMax;
  return {
    name: 'cleanup',
    isFirst: false,
    nextMs: byCron(options, config.cleanupCron),
    async run() {
      const removed = await cleanInstall({ layout, isDryRun: false, downloadDaysMax, oldFilesMax }).catch((error: unknown) => {
        if (hasCode(error, 'TRANSACTION_LOCKED')) return error;
        throw error;
      });
      // A download over a thin line takes days: it is not in anybody's way.
      if (isUpdaterError(removed)) return { kind: 'wait', reason: 'busy', untilMs: null, detail: removed.message };
      const freedBytes = sum(removed);
      log.write('cleaned_up', { files: removed.length, freedBytes });
      return { kind: 'done', outcome: 'cleaned', detail: String(freedBytes) };
    },
  };
}

/** Has times of its own: what is due is asked of it. Null: no backups are configured. */
function backupsJob({ environment, language, signal }: CommandContext, { settings, layout, log }: OpenJobsOptions): Job | null {
  const { home } = layout;
  const surroundings = { home, terminalId: null, language, environment, signal, log: log.write };
  const monitor = backupOptionsOf(settings, surroundings);
  if (monitor === null) return null;
  return {
    name: 'backups',
    isFirst: true,
    nextMs: (_lastRunMs, nowMs) => nowMs + 60_000,
    async run(until) {
      const terminal = (await readState(layout))?.terminalId ?? monitor.terminal;
      const { lookedAt, nextMs } = await runDueBackupJobs({ ...monitor, terminal, signal: until });
      return { kind: 'done', outcome: 'checked', detail: String(lookedAt.length), againAtMs: nextMs };
    },
  };
}

function deliverer({ settings, layout, log }: OpenJobsOptions): AgentPorts['deliver'] {
  const { home } = layout;
  const history = openHistory({
    home,
    command: 'agent',
    fetchedBytes: () => 0,
    server: {
      serverUrl: settings.server ?? '',
      allowInsecure: settings.allowInsecure ?? false,
      credentials: () => credentialsOf(settings),
    },
    readState: () => readState(layout),
    onRefused: (eventId, reason) => log.write('event_refused', { eventId, reason }),
  });
  let failure: string | null = null;
  return async (signal) => {
    const delivery = await history.deliver(signal);
    // Why it asked is in the log already.
    if (delivery === null || delivery.failure === serverAskedToWait) return;
    if (delivery.delivered > 0) log.write('events_delivered', delivery);
    else if (delivery.failure !== failure) log.write('events_waiting', delivery);
    failure = delivery.failure;
  };
}
