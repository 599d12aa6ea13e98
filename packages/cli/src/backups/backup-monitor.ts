/**
 * The backup monitor of one terminal: looks at jobs, remembers what it saw, and tells whoever is to be told. A change of a job's
 * state and the messages about it are stored in one step, before anything is sent.
 */
import { type Clock, createHttpClient, type Random } from '@remendo/core';
import { advanceRecord, isChange, recordOf, stateBefore, withMessage, withRecord } from './advance-record.js';
import { type CheckPorts, silentMsMaxDefault } from './check-job.js';
import type { CheckedJob } from './checked-job.js';
import { type DeliverPorts, deliverMessages, type Undelivered } from './deliver-messages.js';
import { type Looker, lookerHere } from './looker.js';
import type { BackupJob, Backups } from './parse-backups.js';
import type { BackupTarget } from './parse-target.js';
import { type BackupMessage, type BackupRecords, changeRecords, type JobRecord, readRecords } from './records.js';
import { mailSender } from './senders/mail-sender.js';
import type { MessageSender, Place } from './senders/message-sender.js';
import { serverSender } from './senders/server-sender.js';
import { sheetSender } from './senders/sheet-sender.js';
import { webhookSender } from './senders/webhook-sender.js';
import type { VerifyOptions } from './verify-backup.js';

/** Where reports go, and who sends them. */
export interface BackupServer {
  readonly url: string;
  /** Headers of a customer or of an enrolled terminal. */
  readonly credentials: Readonly<Record<string, string>>;
  readonly allowInsecure: boolean;
}

export interface BackupMonitorOptions {
  /** The updater's folder; made when it is not there. */
  readonly home: string;
  readonly backups: Backups;
  /** Null: there is none, or it is not to be told. */
  readonly server: BackupServer | null;
  /** What this machine is called. */
  readonly terminal: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly environment: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
  readonly log: (event: string, fields: object) => void;
  /** Default: in this process, which then has to end soon. */
  readonly looker?: Looker;
  readonly silentMsMax?: CheckPorts['silentMsMax'];
  /** For tests: default the platform's. */
  readonly fetch?: typeof globalThis.fetch;
  readonly freeBytes?: CheckPorts['freeBytes'];
}

export interface LookedAt {
  readonly job: BackupJob;
  readonly checked: CheckedJob;
  readonly record: JobRecord;
  readonly isChange: boolean;
}

export interface BackupMonitor {
  /** Looks at one job now; what another program saw who began later is not turned back. @throws the signal's reason, UpdaterError STORAGE_…, TRANSACTION_LOCKED. */
  look(job: BackupJob, again?: VerifyOptions['again']): Promise<LookedAt>;
  /** Takes the job's newest backup as what is usual from now on, when nothing but its size speaks against it. */
  accept(job: BackupJob): Promise<LookedAt>;
  /** @returns what is still waiting. */
  deliver(when?: 'due' | 'now'): Promise<readonly Undelivered[]>;
  records(): Promise<BackupRecords>;
}

export function createBackupMonitor(options: BackupMonitorOptions): BackupMonitor {
  const { home, clock, random, signal, log, environment, freeBytes, silentMsMax = silentMsMaxDefault } = options;
  const looker = options.looker ?? lookerHere({ clock, random, environment, freeBytes });
  const senders = sendersOf(options);
  const onDamaged = (message: string): void => log('backups_records_damaged', { message });
  const ports: DeliverPorts = { home, clock, random, onDamaged, senders, signal, log };
  const look = async (job: BackupJob, again: VerifyOptions['again'], forget: boolean): Promise<LookedAt> => {
    const known = recordOf(await readRecords(home), job.name);
    const before = forget ? { ...known, goods: [] } : known;
    const checked = await looker.check(job, before, { again, signal, silentMsMax });
    const isAccepted = forget && checked.good !== null;
    const seen = { job, checked, isAccepted, lastId: known.results[0]?.id };
    const looked = await changeRecords(ports, (records) => store(records, senders, seen));
    logResult(log, looked);
    return looked;
  };
  return {
    look: (job, again = 'when due') => look(job, again, false),
    accept: (job) => look(job, 'damaged', true),
    deliver: (when) => deliverMessages(ports, when),
    records: () => readRecords(home),
  };
}

interface Seen {
  readonly job: BackupJob;
  readonly checked: CheckedJob;
  readonly isAccepted: boolean;
  /** Of the result that was the last one when the look began. */
  readonly lastId: string | undefined;
}

function store(records: BackupRecords, senders: readonly MessageSender[], { job, checked, isAccepted, lastId }: Seen) {
  const known = recordOf(records, job.name);
  const [last] = known.results;
  // A look takes hours where it reads a large file. What somebody saw who began later stands.
  const isOvertaken = last !== undefined && last.id !== lastId && last.atMs > checked.result.atMs;
  if (isOvertaken && !isAccepted) return { records, value: { job, checked, record: known, isChange: false } };
  const before = isAccepted ? { ...known, goods: [] } : known;
  const record = advanceRecord(before, checked);
  const { intervalSeconds, graceSeconds } = job;
  const { result } = checked;
  const message: BackupMessage = {
    ...{ id: result.id, job: job.name, result, stateBefore: stateBefore(known) },
    // The server has to hear of it at least as often as it is looked at.
    ...{ intervalSeconds: Math.max(60, Math.ceil(intervalSeconds), job.checkSeconds), graceSeconds },
  };
  const told = senders.filter(({ target }) => job.tell?.includes(target) ?? true);
  const queued = told.reduce((so, { target, wants }) => withMessage(so, target, { message, wants }), withRecord(records, record));
  return { records: queued, value: { job, checked, record, isChange: isChange(message) } };
}

function logResult(log: BackupMonitorOptions['log'], { job, checked, isChange }: LookedAt): void {
  const { state, findings, files, newest } = checked.result;
  log('backup_checked', { job: job.name, result: state, isChange, findings, files, newest });
}

function sendersOf({ backups, server, terminal, clock, random, fetch }: BackupMonitorOptions): readonly MessageSender[] {
  const { branch } = backups;
  const place: Place = { name: branch === null ? terminal : `${branch}, ${terminal}`, branch, terminal };
  const ports = { clock, fetch: fetch ?? globalThis.fetch };
  const direct = (target: BackupTarget): MessageSender => {
    if (target.kind === 'mail') return mailSender(target, place);
    return target.kind === 'webhook' ? webhookSender(target, place, ports) : sheetSender(target, place);
  };
  const senders = backups.targets.map(direct);
  if (server === null) return senders;
  const http = createHttpClient({
    serverUrl: server.url,
    allowInsecure: server.allowInsecure,
    credentials: () => server.credentials,
    ...{ clock, random, fetch: ports.fetch },
    // When to try again is the queue's business.
    retries: { retriesMax: 0 },
    timeouts: { exchangeMs: 30_000 },
  });
  return [serverSender(http, place), ...senders];
}
