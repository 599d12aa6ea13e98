import { manualClock } from '@remendo/core/testing';
import { describe, expect, it } from 'vitest';
import { minuteMs, never } from './backups.test.support.js';
import { lookInTime, Progress } from './look-in-time.js';

const hangs = (): Promise<never> => new Promise(() => undefined);

/** A look, and a way to let time pass that lets everybody go on. */
function newLook(look: (progress: Progress) => Promise<object>, signal = never) {
  const [clock, progress] = [manualClock(1_000), new Progress()];
  const times = { clock, silentMsMax: 10 * minuteMs, msMax: 60 * minuteMs, signal };
  const end = lookInTime(progress, times, () => look(progress));
  const pass = async (minutes: number): Promise<void> => {
    clock.advance(minutes * minuteMs);
    await new Promise(setImmediate);
  };
  return { end, progress, pass };
}

describe('a look', () => {
  it('is silent when nothing came for some time', async () => {
    const { end, progress, pass } = newLook(hangs);
    progress.step();
    await pass(10);
    progress.step();
    await pass(10);
    await pass(10);
    expect(await end).toBe('silent');
  });

  it('is late when it goes on and on', async () => {
    const { end, progress, pass } = newLook(hangs);
    for (let round = 0; round < 6; round += 1) {
      progress.step();
      await pass(10);
    }
    expect(await end).toBe('late');
  });

  it('has the time of what has a limit of its own besides', async () => {
    let finish = (): void => undefined;
    const program = new Promise<void>((resolve) => (finish = resolve));
    const { end, pass } = newLook(async (progress) => {
      await progress.hold(program);
      return { is: 'seen' };
    });
    for (let round = 0; round < 20; round += 1) await pass(10);
    finish();
    expect(await end).toEqual({ is: 'seen' });
  });

  it('ends with the reason of who stops it, when nothing that was held runs any more', async () => {
    const stop = new AbortController();
    let finish = (): void => undefined;
    const program = new Promise<void>((resolve) => (finish = resolve));
    const { end } = newLook((progress) => progress.hold(program).then(hangs), stop.signal);
    const events: string[] = [];
    const ended = end.catch(() => void events.push('ended'));
    stop.abort(new Error('the agent ends'));
    await new Promise(setImmediate);
    events.push('program');
    finish();
    await ended;
    expect(events).toEqual(['program', 'ended']);
  });
});
