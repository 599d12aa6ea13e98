/**
 * Makes events for the server of what a command's updater tells and of what its log says: every command that updates
 * queues its own, whoever delivers them. An attempt begins with its plan; it ends when it is confirmed, rolled back, or
 * failed for a reason of its own. A link that is down, a program that runs, a hold of the application's end nothing: the
 * attempt goes on later, under the same id, or a release would be halted for bad lines.
 */
import { randomUUID } from 'node:crypto';
import { type UpdateEvent as CoreEvent, type ErrorCode, errorCatalogue } from '@remendo/core';
import type { UpdateEvent } from '@remendo/core/protocol';
import type { ProgressFile } from '../agent/progress-file.js';
import type { UpdateLogEntry } from '../terminal/update-log.js';
import type { EventQueue } from './event-queue.js';
import { type Attempt, readAttempts, writeAttempts } from './open-attempts.js';

export interface UpdateRecorder {
  onEvent(event: CoreEvent): void;
  onEntry(entry: UpdateLogEntry): void;
  /** Whether anything was queued. */
  hasQueued(): boolean;
}

export interface UpdateRecorderOptions {
  readonly home: string;
  readonly queue: EventQueue;
  readonly progress: ProgressFile;
  readonly now: () => number;
  /** Of all answers until now. */
  readonly fetchedBytes: () => number;
  /** Told when a download has come a step further. */
  readonly onStep?: (percent: number) => void;
}

type State = UpdateEvent['state'];
type PlanChosen = Extract<CoreEvent, { kind: 'plan-chosen' }>;
type Planned = Partial<Pick<PlanChosen, 'application' | 'platform' | 'base'>>;

const logOutputCharactersMax = 16_000;
const detailCharactersMax = 4_000;
/** Between two events about a download that goes on. */
const stepPercent = 10;
const stepMs = 5_000;

/** What another time may bring without anybody's doing: the attempt goes on then. */
export function isPassing(code: string | null): boolean {
  if (code === null || !Object.hasOwn(errorCatalogue, code)) return false;
  const passingPhases = /^(DOWNLOAD|SERVER|LIMIT_RATE|TRANSACTION_LOCKED|TRANSACTION_FILE_HELD|INSTALL_(IN_USE|ON_HOLD))/;
  return errorCatalogue[code as ErrorCode].retry === 'backoff' && passingPhases.test(code);
}

export function openUpdateRecorder(options: UpdateRecorderOptions): UpdateRecorder {
  const recorder = new Recorder(options);
  const safely =
    <T>(take: (value: T) => void): ((value: T) => void) =>
    (value) => {
      try {
        take(value);
      } catch {
        // A full disk: the update matters more than its history.
      }
    };
  return {
    onEvent: safely((event) => recorder.takeEvent(event)),
    onEntry: safely((entry) => recorder.takeEntry(entry)),
    hasQueued: () => recorder.hasQueued,
  };
}

class Recorder {
  hasQueued = false;
  /** The attempt that this program works on; others wait on the disk. */
  #current: Attempt | null = null;
  #state: State | null = null;
  #told = { percent: 0, atMs: Number.NEGATIVE_INFINITY };
  #zipBytes: number | null = null;
  /** Of this attempt, by other programs; less what this one fetched for another. */
  #earlierBytes = 0;
  /** As the server offered it, where the command says so in its log before there is a plan. */
  #offered: string | null = null;
  #lines = '';

  constructor(private readonly options: UpdateRecorderOptions) {}

  takeEvent(event: CoreEvent): void {
    switch (event.kind) {
      case 'plan-chosen':
        if (this.#begin(event) || event.cost.fetchBytes > 0) this.#enter('downloading');
        break;
      case 'download-progressed':
        this.#progress(event.bytesDone, event.bytesTotal);
        break;
      case 'content-made':
        this.#enter('installing');
        this.#show('installing', { percent: percentOf(event.contentsDone, event.contentsTotal) });
        break;
      case 'staged':
        this.#enter('installing');
        break;
      case 'committed':
        this.#change({ versionTo: event.version, isCommitted: true });
        break;
      case 'confirmed':
        this.#end(event.version, { state: 'completed', percent: 100 });
        break;
      case 'rolled-back':
        this.#end(event.version, { state: 'rolled_back', error_detail: event.reason });
        break;
      case 'update-held':
        this.#end(event.version, { state: 'failed', error_code: 'INSTALL_MAINTENANCE', error_detail: event.reason });
        break;
      case 'recovered':
        if (event.outcome === 'rolled-back') this.#endCutShort();
        break;
      default:
    }
  }

  #endCutShort(): void {
    const version = readAttempts(this.options.home).at(-1)?.versionTo ?? null;
    this.#end(version, { state: 'rolled_back', error_detail: 'an update that was cut short was undone' });
  }

  takeEntry(entry: UpdateLogEntry): void {
    this.#lines = `${this.#lines}${JSON.stringify(entry)}\n`.slice(-logOutputCharactersMax).toWellFormed();
    const { event, state, code, message, version, backup_path: backupPath } = entry;
    if (event === 'checked') this.#offered = entry.outcome === 'available' && typeof version === 'string' ? version : null;
    if (typeof backupPath === 'string') this.#change({ backupPath: backupPath.slice(0, 1_024) });
    if (state === 'backing_up') this.#enter('backing_up');
    if (state === 'failed') this.#fail(textOrNull(code), textOrNull(message));
  }

  /** An attempt that was cut off on the way to the same version goes on. @returns whether it is a new one. */
  #begin(event: PlanChosen): boolean {
    const { home, now, fetchedBytes } = this.options;
    const { version } = event;
    const waiting = readAttempts(home);
    const same = waiting.find(({ versionTo, isCommitted }) => versionTo === version && !isCommitted);
    if (same === undefined || same.updateId !== this.#current?.updateId)
      this.#earlierBytes = (same?.downloadedBytes ?? 0) - (same === undefined && this.#current !== null ? fetchedBytes() : 0);
    this.#zipBytes = event.zipBytes;
    this.#state = null;
    this.#told = { percent: 0, atMs: Number.NEGATIVE_INFINITY };
    this.#current = same ?? newAttempt(event, version, now());
    writeAttempts(home, [...waiting.filter(({ isCommitted }) => isCommitted), this.#current]);
    if (same === undefined) this.#put({ state: 'started' });
    return same === undefined;
  }

  #enter(state: State): void {
    if (this.#current === null || this.#state === state) return;
    this.#state = state;
    this.#put({ state, percent: 0 });
    this.#show(state, { percent: 0 });
  }

  #progress(bytesDone: number, bytesTotal: number): void {
    if (bytesTotal === 0) return;
    const percent = percentOf(bytesDone, bytesTotal);
    this.#show('downloading', { percent, bytes_done: bytesDone, bytes_total: bytesTotal });
    const nowMs = this.options.now();
    if (percent < this.#told.percent + stepPercent || nowMs - this.#told.atMs < stepMs) return;
    this.#told = { percent, atMs: nowMs };
    this.#change({});
    this.#put({ state: 'downloading', percent });
    this.options.onStep?.(percent);
  }

  #change(fields: Partial<Attempt>): void {
    if (this.#current === null) return;
    this.#current = { ...this.#current, ...this.#bytes(), ...fields };
    const { updateId } = this.#current;
    const others = readAttempts(this.options.home).filter((attempt) => attempt.updateId !== updateId);
    writeAttempts(this.options.home, [...others, this.#current]);
  }

  /** The attempt that led to this version, also one of another program's; without one, an update from before there were any. */
  #end(version: string | null, ending: Pick<UpdateEvent, 'state'> & Partial<UpdateEvent>): void {
    const { home, now } = this.options;
    const waiting = readAttempts(home);
    const isIt = ({ versionTo }: Attempt): boolean => versionTo === version;
    const attempt = [...(this.#current === null ? [] : [this.#current]), ...waiting].find(isIt);
    const ended = attempt ?? newAttempt({}, version, now());
    const detail = ending.error_detail?.slice(0, detailCharactersMax).toWellFormed().replaceAll('\0', '\ufffd');
    this.#queue(ended, {
      ...ending,
      ...(detail === undefined ? {} : { error_detail: detail, log_output: this.#lines }),
      finished_at: new Date(now()).toISOString(),
    });
    writeAttempts(
      home,
      waiting.filter(({ updateId }) => updateId !== ended.updateId),
    );
    if (ended.updateId === this.#current?.updateId) this.#current = null;
    this.options.progress.show({ phase: ending.state, percent: 100, version, detail: detail?.slice(0, 400) ?? null });
  }

  /** Of this program's own attempt, as long as it is not in place; what was offered and refused before a plan is told too. */
  #fail(code: string | null, message: string | null): void {
    if (this.#current?.isCommitted === true) return;
    if (isPassing(code)) {
      this.#pause(code);
      return;
    }
    if (this.#current === null && this.#offered === null) return;
    this.#current ??= newAttempt({}, this.#offered, this.options.now());
    const { versionTo } = this.#current;
    this.#end(versionTo, { state: 'failed', error_code: code, error_detail: message ?? '' });
    this.#offered = null;
  }

  /** Nothing is being done any more, though the program may run on: an application that `launch` stays the parent of. */
  #pause(code: string | null): void {
    if (this.#current !== null) this.#show('waiting', { detail: code });
  }

  #put(event: Pick<UpdateEvent, 'state'> & Partial<UpdateEvent>): void {
    if (this.#current !== null) this.#queue({ ...this.#current, ...this.#bytes() }, event);
  }

  #queue(attempt: Attempt, event: Pick<UpdateEvent, 'state'> & Partial<UpdateEvent>): void {
    const { application, platform } = attempt;
    this.options.queue.put({
      update_id: attempt.updateId,
      ...(application === null ? {} : { application }),
      ...(platform === null ? {} : { platform }),
      version_from: attempt.versionFrom,
      version_to: attempt.versionTo,
      downloaded_bytes: attempt.downloadedBytes,
      saved_bytes: attempt.savedBytes,
      backup_path: attempt.backupPath,
      started_at: attempt.startedAt,
      ...event,
    });
    this.hasQueued = true;
  }

  #bytes(): Pick<Attempt, 'downloadedBytes' | 'savedBytes'> {
    const downloadedBytes = this.#earlierBytes + this.options.fetchedBytes();
    return { downloadedBytes, savedBytes: this.#zipBytes === null ? null : Math.max(0, this.#zipBytes - downloadedBytes) };
  }

  #show(phase: string, fields: object): void {
    this.options.progress.show({ phase, version: this.#current?.versionTo ?? null, ...fields });
  }
}

function newAttempt({ application, platform, base }: Planned, versionTo: string | null, nowMs: number): Attempt {
  return {
    updateId: randomUUID(),
    application: application ?? null,
    platform: platform ?? null,
    versionFrom: base ?? null,
    versionTo,
    startedAt: new Date(nowMs).toISOString(),
    isCommitted: false,
    downloadedBytes: null,
    savedBytes: null,
    backupPath: null,
  };
}

const textOrNull = (value: unknown): string | null => (typeof value === 'string' ? value : null);

const percentOf = (done: number, total: number): number => (total === 0 ? 100 : Math.floor((Math.min(done, total) / total) * 100));
