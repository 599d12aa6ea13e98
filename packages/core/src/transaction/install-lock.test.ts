import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { hasCode } from '../errors.js';
import { readSmallFile } from '../file-system/file-source.js';
import type { FileSystem } from '../file-system/file-system.js';
import { MemoryFileSystem } from '../testing/memory-file-system.js';
import { writeText } from '../testing/sample-install.js';
import { seededRandom } from '../testing/seeded-random.js';
import { acquireInstallLock, type LockPorts, parseHolder } from './install-lock.js';
import { isChildStart, nodeProcessProbe } from './node-process-probe.js';
import { parseFileTime } from './node-process-table.js';

const path = '/home/lock';
const seed = Number(process.env.REMENDO_TEST_SEED ?? 20_261_122);

/** The same disk for a program that is interrupted before each of its calls for a while. */
function hesitating(fileSystem: FileSystem, random: () => number): FileSystem {
  return new Proxy(fileSystem, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      return async (...args: readonly unknown[]) => {
        for (let turns = random() < 0.2 ? 40 * random() : 0; turns > 0; turns--) await null;
        return value.apply(target, args);
      };
    },
  });
}
const isLockedBy = (pid: number) => (error: unknown) => hasCode(error, 'TRANSACTION_LOCKED') && error.details.pid === pid;

function simulated() {
  const alive = new Set<number>();
  const time = { nowMs: 1_000_000, onSleep: async (): Promise<void> => {} };
  const fileSystem = new MemoryFileSystem({ now: () => time.nowMs });
  let ids = 0;
  const ports = (pid: number): LockPorts => {
    alive.add(pid);
    return {
      fileSystem,
      clock: {
        now: () => time.nowMs,
        sleep: async (ms) => {
          time.nowMs += ms;
          await time.onSleep();
        },
      },
      random: { id: () => `id-${++ids}` },
      processes: {
        pid,
        startedAt: async () => `start ${pid}`,
        isAlive: async (other, start) => alive.has(other) && start === `start ${other}`,
      },
    };
  };
  const holder = async () => parseHolder((await readSmallFile(fileSystem, path, 9_999)) ?? new Uint8Array(0));
  return { alive, time, fileSystem, ports, holder };
}

describe('the install lock', () => {
  it('is held by one program at a time and names it', async () => {
    const { ports, holder } = simulated();
    const lock = await acquireInstallLock(ports(1), path);
    await expect(acquireInstallLock(ports(2), path)).rejects.toSatisfy(isLockedBy(1));
    await lock.release();
    expect(await holder()).toBeNull();
    await acquireInstallLock(ports(2), path);
    expect((await holder())?.pid).toBe(2);
  });

  it('is taken over from a dead holder, also when its process id lives again', async () => {
    const { ports, holder, alive, fileSystem } = simulated();
    const dead = await acquireInstallLock(ports(1), path);
    alive.delete(1);
    await acquireInstallLock(ports(2), path);
    expect((await holder())?.pid).toBe(2);
    expect(await fileSystem.list('/home')).toEqual(['lock']);
    await dead.release();
    expect((await holder())?.pid).toBe(2);
  });

  it('is taken over by exactly one of many who try at once', async () => {
    const { ports, alive } = simulated();
    await acquireInstallLock(ports(1), path);
    alive.delete(1);
    const tries = await Promise.allSettled([2, 3, 4, 5, 6].map((pid) => acquireInstallLock(ports(pid), path)));
    expect(tries.filter((one) => one.status === 'fulfilled')).toHaveLength(1);
    for (const one of tries)
      if (one.status === 'rejected') expect(one.reason).toSatisfy((error) => hasCode(error, 'TRANSACTION_LOCKED'));
  });

  it('that can not be read is waited for, and taken over when nobody has written it for ten seconds', async () => {
    const { ports, time, fileSystem, holder } = simulated();
    await fileSystem.makeDirectory('/home');
    await writeText(fileSystem, path, '{"pid":');
    await acquireInstallLock(ports(1), path);
    expect(time.nowMs).toBeGreaterThan(1_010_000);
    expect((await holder())?.pid).toBe(1);
  });

  it('that nobody finished writing is taken over by one of those who waited for it, whoever is slower where', async () => {
    for (let round = 0; round < 40; round++) {
      const { ports, fileSystem } = simulated();
      await fileSystem.makeDirectory('/home');
      await writeText(fileSystem, path, '');
      const random = seededRandom(seed + round);
      const tries = await Promise.allSettled(
        [1, 2, 3].map((pid) => acquireInstallLock({ ...ports(pid), fileSystem: hesitating(fileSystem, random) }, path)),
      );
      const holders = tries.filter(({ status }) => status === 'fulfilled').length;
      expect(holders, `REMENDO_TEST_SEED=${seed}, round ${round}`).toBeLessThan(2);
    }
  });

  it('that becomes readable meanwhile belongs to whom it names', async () => {
    const { ports, time, fileSystem } = simulated();
    await fileSystem.makeDirectory('/home');
    await writeText(fileSystem, path, '');
    ports(2);
    time.onSleep = () => writeText(fileSystem, path, JSON.stringify({ pid: 2, startedAt: 'start 2', sinceMs: 0, nonce: 'n' }));
    await expect(acquireInstallLock(ports(1), path)).rejects.toSatisfy(isLockedBy(2));
    expect(time.nowMs).toBeLessThan(1_001_000);
  });

  it('waits for a take-over that is under way, but not for an abandoned one', async () => {
    const { ports, time, fileSystem, alive } = simulated();
    await acquireInstallLock(ports(1), path);
    alive.delete(1);
    await writeText(fileSystem, `${path}.takeover`, JSON.stringify({ pid: 7, startedAt: '', sinceMs: time.nowMs, nonce: 'n' }));
    await expect(acquireInstallLock(ports(2), path)).rejects.toSatisfy(isLockedBy(7));
    time.nowMs += 10_001;
    await acquireInstallLock(ports(2), path);
    expect(await fileSystem.list('/home')).toEqual(['lock']);
  });

  it('leaves nothing behind on a full disk', async () => {
    const { ports, fileSystem } = simulated();
    fileSystem.capacityBytes = 10;
    await expect(acquireInstallLock(ports(1), path)).rejects.toSatisfy((error) => hasCode(error, 'STORAGE_NO_SPACE'));
    expect(await fileSystem.list('/home')).toEqual([]);
  });

  it('of a real process is respected while it lives and taken over once it was killed', async () => {
    const { ports, fileSystem, holder } = simulated();
    const child = spawn(process.execPath, ['-e', 'process.stdout.write("up"); setInterval(() => {}, 1000)'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    await once(child.stdout, 'data');
    const probe = nodeProcessProbe();
    const mine = { ...ports(process.pid), processes: probe };
    const childPid = child.pid ?? 0;
    await acquireInstallLock(
      { ...ports(childPid), processes: { ...probe, pid: childPid, startedAt: () => startOf(childPid) } },
      path,
    );
    await expect(acquireInstallLock(mine, path)).rejects.toSatisfy(isLockedBy(childPid));
    child.kill('SIGKILL');
    await once(child, 'exit');
    await acquireInstallLock(mine, path);
    expect((await holder())?.pid).toBe(process.pid);
    expect(await fileSystem.list('/home')).toEqual(['lock']);
  });

  /** What the child itself would have written: the form is the probe's own, so a child of the same program makes it. */
  async function startOf(pid: number): Promise<string> {
    const { readFile } = await import('node:fs/promises');
    const stat = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => null);
    const boot = await readFile('/proc/sys/kernel/random/boot_id', 'latin1').catch(() => '');
    return stat === null ? `ms:${Date.now()}` : `linux:${boot.trim()}:${stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]}`;
  }
});

describe('nodeProcessProbe', () => {
  it('knows itself, and that a process with its id but another start was another process', async () => {
    const probe = nodeProcessProbe();
    expect(await probe.isAlive(probe.pid, await probe.startedAt())).toBe(true);
    expect(await probe.isAlive(probe.pid, 'ms:1000')).toBe(false);
    expect(await probe.isAlive(0x7fffffff, await probe.startedAt())).toBe(false);
    expect(await probe.isSurelyAlive(probe.pid, 'ms:1000')).toBe(false);
    expect(await probe.isSurelyAlive(0x7fffffff, await probe.startedAt())).toBe(false);
  });

  it('takes for a child on Windows only what was started when the child was', () => {
    const started = parseFileTime('134084736000000000\r\n');
    expect(started).toBe(Date.UTC(2025, 10, 24, 16, 0, 0));
    expect(isChildStart(started, `ms:${Date.UTC(2025, 10, 24, 16, 0, 2)}`)).toBe(true);
    expect(isChildStart(started, `ms:${Date.UTC(2025, 10, 24, 15, 59, 0)}`)).toBe(false);
    expect(isChildStart(started, 'ms:')).toBe(false);
    for (const answer of ['', 'Get-Process : access is denied', '-1', '1e18', '134084736000000000 1'])
      expect(isChildStart(parseFileTime(answer), 'ms:0'), answer).toBe(false);
  });
});
