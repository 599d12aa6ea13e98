/**
 * One program at a time works on an install. The lock is a file that is made exclusively and names its holder; when the
 * holder is dead it is taken over. Only one taker-over works at a time, behind a second exclusive file that is given up
 * for abandoned after ten seconds; it needs milliseconds.
 */
import { dirname } from 'node:path';
import { type Static, Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { hasCode, UpdaterError } from '../errors.js';
import { readSmallFile } from '../file-system/file-source.js';
import type { FileSystem } from '../file-system/file-system.js';
import { digestOf } from '../hash/digest.js';
import type { Clock } from '../ports.js';
import type { ProcessProbe } from './process-probe.js';

export interface LockPorts {
  readonly fileSystem: FileSystem;
  readonly clock: Clock;
  readonly random: { id(): string };
  readonly processes: ProcessProbe;
}

export interface InstallLock {
  /** Gives the lock back; nothing happens when it is no longer ours. */
  release(): Promise<void>;
}

const holderSchema = Type.Object({
  pid: Type.Integer({ minimum: 1, maximum: 0xffffffff }),
  startedAt: Type.String({ maxLength: 200 }),
  sinceMs: Type.Number(),
  nonce: Type.String({ maxLength: 200 }),
});
const holderValidator = Compile(holderSchema);
type Holder = Static<typeof holderSchema>;

/** For how long a file that is not readable yet, or a take-over, is believed to be somebody's at work. */
const abandonedAfterMs = 10_000;
/** Its maker writes it at once, or was killed before it could: then it is waited for, so that nobody has to come again. */
const unreadableRetryMs = 200;
const lockBytesMax = 4 * 1024;

/** @throws UpdaterError TRANSACTION_LOCKED with the holder's process id */
export async function acquireInstallLock(ports: LockPorts, path: string): Promise<InstallLock> {
  const { processes, clock, random } = ports;
  const holder: Holder = { pid: processes.pid, startedAt: await processes.startedAt(), sinceMs: clock.now(), nonce: random.id() };
  while (!(await makeExclusively(ports, path, holder))) {
    const seen = await read(ports, path);
    if (seen?.holder === null && !isAbandoned(ports, seen.modifiedMs)) {
      await clock.sleep(unreadableRetryMs);
      continue;
    }
    await assertDead(path, seen, processes);
    await takeOver(ports, path, { seen, holder });
    break;
  }
  return {
    async release() {
      const present = await read(ports, path);
      if (present?.holder?.nonce === holder.nonce) await ports.fileSystem.removeFile(path);
    },
  };
}

interface SeenLock {
  /** Null when it is not readable: its maker is at work, or died at it. */
  readonly holder: Holder | null;
  readonly digest: string;
  readonly modifiedMs: number;
}

async function read({ fileSystem }: LockPorts, path: string): Promise<SeenLock | null> {
  const stat = await fileSystem.stat(path);
  const bytes = await readSmallFile(fileSystem, path, lockBytesMax).catch((error: unknown) => {
    if (hasCode(error, 'STORAGE_FAILED', 'LIMIT_EXCEEDED')) return null;
    throw error;
  });
  if (stat === null) return null;
  return { holder: parseHolder(bytes ?? new Uint8Array(0)), digest: digestOf(bytes ?? ''), modifiedMs: stat.modifiedMs };
}

/** What a lock file says; null when it is damaged. */
export function parseHolder(bytes: Uint8Array): Holder | null {
  try {
    const value: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'));
    return holderValidator.Check(value) ? value : null;
  } catch {
    return null;
  }
}

async function assertDead(path: string, seen: SeenLock | null, processes: ProcessProbe): Promise<void> {
  const holder = seen?.holder ?? null;
  if (holder !== null && (await processes.isAlive(holder.pid, holder.startedAt))) throw locked(path, holder.pid);
}

/** A time in the future comes from a clock that was set back: it says nothing, so it does not protect for ever. */
const isAbandoned = ({ clock }: LockPorts, sinceMs: number): boolean => Math.abs(clock.now() - sinceMs) > abandonedAfterMs;

const locked = (path: string, pid: number | undefined): UpdaterError =>
  new UpdaterError(
    'TRANSACTION_LOCKED',
    pid === undefined ? 'another program is taking the lock' : `process ${pid} holds the lock`,
    {
      details: { path, ...(pid === undefined ? {} : { pid }) },
    },
  );

async function takeOver(ports: LockPorts, path: string, found: { seen: SeenLock | null; holder: Holder }): Promise<void> {
  const takeoverPath = `${path}.takeover`;
  // Whoever waited for a lock that is not readable comes here ten seconds after it began.
  const taker = (): Holder => ({ ...found.holder, sinceMs: ports.clock.now() });
  if (!(await makeExclusively(ports, takeoverPath, taker()))) {
    const other = await read(ports, takeoverPath);
    if (other !== null && !isAbandoned(ports, other.holder?.sinceMs ?? other.modifiedMs)) throw locked(path, other.holder?.pid);
    await ports.fileSystem.removeFile(takeoverPath);
    if (!(await makeExclusively(ports, takeoverPath, taker()))) throw locked(path, undefined);
  }
  try {
    const present = await read(ports, path);
    if (present !== null && present.digest !== found.seen?.digest) throw locked(path, present.holder?.pid);
    await ports.fileSystem.removeFile(path);
    if (!(await makeExclusively(ports, path, found.holder))) throw locked(path, undefined);
  } finally {
    await ports.fileSystem.removeFile(takeoverPath);
  }
}

/** @returns false when it exists already. */
async function makeExclusively({ fileSystem }: LockPorts, path: string, holder: Holder): Promise<boolean> {
  await fileSystem.makeDirectory(dirname(path));
  const handle = await fileSystem.open(path, 'exclusive').catch(async (error: unknown) => {
    // Its holder may have given it back since.
    const isThere = hasCode(error, 'STORAGE_FAILED') && (error.cause as NodeJS.ErrnoException | undefined)?.code === 'EEXIST';
    if (isThere || (hasCode(error, 'STORAGE_FAILED') && (await fileSystem.stat(path)) !== null)) return null;
    throw error;
  });
  if (handle === null) return false;
  try {
    await handle.write(0, Buffer.from(JSON.stringify(holder)));
    await handle.sync();
    await handle.close();
  } catch (error) {
    await handle.close().catch(() => undefined);
    await fileSystem.removeFile(path).catch(() => undefined);
    throw error;
  }
  return true;
}
