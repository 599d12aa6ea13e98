/**
 * One round of the agent: check → (download window) prepare → (install window, no hold, nothing runs) install. Each step
 * that can not be taken now ends the round with a reason and a time; what was downloaded stays for the next.
 *
 * An update that this agent put in place waits for the next `launch` to prove it; until then nothing is installed over it,
 * or the way back would be gone before anybody knows whether it is needed.
 */
import { type CheckResult, type Host, hasCode, isUpdaterError, type UpdateResult } from '@remendo/core';
import { logCheck } from '../terminal/log-check.js';
import type { AgentConfig } from './agent-config.js';
import type { Hold } from './hold-lock.js';
import { endOfFailure, type JobEnd, type WaitReason } from './job.js';
import { closesAtMs, isOpen, opensAtMs } from './maintenance-windows.js';

type Clock = Host['clock'];

export interface CyclePorts {
  readonly config: AgentConfig;
  readonly clock: Clock;
  /** @param asksAnyway whatever was answered within the last hour. */
  check(signal: AbortSignal, asksAnyway?: boolean): Promise<CheckResult>;
  /** Downloads all that an update needs, and changes nothing that the application sees. */
  prepare(signal: AbortSignal): Promise<unknown>;
  update(signal: AbortSignal): Promise<UpdateResult>;
  hold(): Hold;
  /** Whether an update is in place that no start has proved yet. */
  isAwaitingLaunch(): Promise<boolean>;
  /** What was downloaded already; null: nothing that is known of. */
  readonly prepared: { get(): string | null; set(version: string | null): void };
  log(event: string, fields: object): void;
}

/** @throws the signal's reason. */
export async function runUpdateCycle(ports: CyclePorts, signal: AbortSignal): Promise<JobEnd> {
  let version: string | null = null;
  try {
    const found = await ports.check(signal);
    logCheck({ write: (event, fields = {}) => ports.log(event, fields) }, found);
    const { kind } = found;
    if (found.kind !== 'available') return { kind: 'done', outcome: kind.replaceAll('-', '_'), detail: detailOf(found) };
    version = found.version;
    return (await prepare(ports, found.version, signal)) ?? (await install(ports, found.version, signal));
  } catch (error) {
    signal.throwIfAborted();
    return endOf(ports, error, version);
  }
}

const detailOf = (found: CheckResult): string | null =>
  found.kind === 'not-offered' ? found.reason : found.kind === 'blocked' ? found.version : null;

/** @returns why it is not here yet, or null. */
async function prepare(ports: CyclePorts, version: string, signal: AbortSignal): Promise<JobEnd | null> {
  const { config, clock, prepared } = ports;
  if (prepared.get() === version) return null;
  const windows = config.downloadWindows;
  const nowMs = clock.now();
  if (!isOpen(windows, nowMs)) return waiting('download_window', opensAtMs(windows, nowMs), version);
  ports.log('update_started', { state: 'started', version });
  const closing = closeInTime(clock, windows);
  try {
    await ports.prepare(AbortSignal.any([signal, closing.signal]));
  } catch (error) {
    // Whatever else goes wrong when a download is broken off.
    if (closing.signal.aborted && !signal.aborted) return waiting('download_window', opensAtMs(windows, clock.now()), version);
    throw error;
  } finally {
    closing.stop();
  }
  prepared.set(version);
  ports.log('update_prepared', { version });
  return null;
}

/** A signal that is aborted when no window is open any more, however the clock is set until then. */
function closeInTime(clock: Clock, windows: AgentConfig['downloadWindows']): { readonly signal: AbortSignal; stop(): void } {
  const [closing, stopping] = [new AbortController(), new AbortController()];
  const wait = async (): Promise<void> => {
    for (;;) {
      const nowMs = clock.now();
      const closesMs = closesAtMs(windows, nowMs);
      if (closesMs === null) return;
      if (closesMs <= nowMs) break;
      await clock.sleep(Math.min(closesMs - nowMs, 60_000), stopping.signal);
    }
    closing.abort(new Error('the download window has closed'));
  };
  wait().catch(() => undefined);
  return { signal: closing.signal, stop: () => stopping.abort() };
}

async function install(ports: CyclePorts, version: string, signal: AbortSignal): Promise<JobEnd> {
  const { config, clock, prepared } = ports;
  if (await ports.isAwaitingLaunch()) {
    ports.log('update_waits', { reason: 'awaiting_launch', until: null, detail: version });
    return { kind: 'done', outcome: 'awaiting_launch', detail: version };
  }
  const nowMs = clock.now();
  if (!isOpen(config.installWindows, nowMs)) return waiting('install_window', opensAtMs(config.installWindows, nowMs), version);
  const hold = ports.hold();
  if (hold.kind === 'held') return waiting('on_hold', null, version);
  if (hold.kind === 'stale') ports.log('hold_ignored', { since: new Date(hold.sinceMs).toISOString() });
  const other = await otherThanPrepared(ports, version, signal);
  if (other !== null) return waiting('download_window', opensAtMs(config.downloadWindows, nowMs), other);
  const result = await ports.update(signal);
  prepared.set(null);
  const { kind } = result;
  if (result.kind === 'updated') return { kind: 'done', outcome: 'updated', detail: result.version };
  if (result.kind === 'rolled-back') return { kind: 'done', outcome: 'rolled_back', detail: `${result.version}: ${result.reason}` };
  return { kind: 'done', outcome: kind.replaceAll('-', '_'), detail: detailOf(result) };
}

/**
 * While nothing may be downloaded: what would be. An answer of an hour ago may be about a release that was replaced since, and
 * an update that asks again would fetch the other one. Null: nothing, or it may be.
 */
async function otherThanPrepared(
  { config, clock, check }: CyclePorts,
  version: string,
  signal: AbortSignal,
): Promise<string | null> {
  if (isOpen(config.downloadWindows, clock.now())) return null;
  const found = await check(signal, true);
  return found.kind === 'available' && found.version !== version ? found.version : null;
}

const waiting = (reason: WaitReason, untilMs: number | null, detail: string): JobEnd => ({
  kind: 'wait',
  reason,
  untilMs,
  detail,
});

/** Somebody else's turn is no failure. */
function endOf({ prepared, log }: CyclePorts, error: unknown, version: string | null): JobEnd {
  const message = error instanceof Error ? error.message : String(error);
  if (hasCode(error, 'INSTALL_ON_HOLD')) return waiting('on_hold', null, version ?? message);
  if (hasCode(error, 'INSTALL_IN_USE', 'TRANSACTION_FILE_HELD')) return waiting('in_use', null, message);
  if (hasCode(error, 'TRANSACTION_LOCKED', 'TRANSACTION_ROLLBACK_PENDING')) return waiting('busy', null, message);
  // What is here may be what is wrong, or is no longer what is offered.
  if (!hasCode(error, 'DOWNLOAD_FAILED', 'LIMIT_RATE', 'SERVER_FAILED')) prepared.set(null);
  log('update_failed', { state: 'failed', code: isUpdaterError(error) ? error.code : null, message });
  return endOfFailure(error);
}
