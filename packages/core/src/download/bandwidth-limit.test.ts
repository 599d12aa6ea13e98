import { expect, it } from 'vitest';
import { manualClock } from '../testing/manual-clock.js';
import { createBandwidthLimit } from './bandwidth-limit.js';

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

it('lets bytes through at the rate, less what may come at once after a pause', async () => {
  const clock = manualClock();
  const limit = createBandwidthLimit(1_000, clock);
  for (let chunk = 0; chunk < 10; chunk++) await limit.take(500);
  expect(clock.sleptMs).toEqual([250, ...Array(9).fill(500)]);
});

it('shares the rate among all who take from it', async () => {
  const clock = manualClock(0);
  const limit = createBandwidthLimit(1_000, clock);
  const all = Promise.all([limit.take(1_000), limit.take(1_000), limit.take(1_000)]);
  expect(clock.sleptMs).toEqual([750, 1_750, 2_750]);
  clock.advance(2_750);
  await all;
});

it('does not save up what was not used', async () => {
  const clock = manualClock();
  const limit = createBandwidthLimit(1_000, clock);
  await limit.take(250);
  clock.advance(3_600_000);
  await limit.take(1_250);
  expect(clock.sleptMs).toEqual([1_000]);
});

it('goes on when somebody sets the clock back', async () => {
  const clock = manualClock();
  const limit = createBandwidthLimit(1_000, clock);
  await limit.take(1_000);
  clock.advance(-3_600_000);
  await limit.take(1_000);
  expect(sum(clock.sleptMs)).toBeLessThanOrEqual(2_000);
});

it('ends a wait when the signal is aborted', async () => {
  const clock = manualClock(0);
  const abort = new AbortController();
  const waiting = createBandwidthLimit(1, clock).take(1_000, abort.signal);
  abort.abort(new Error('closing time'));
  await expect(waiting).rejects.toThrow('closing time');
});
