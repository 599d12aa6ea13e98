import { expect, it } from 'vitest';
import { manualClock } from '../testing/manual-clock.js';
import { relayTimes } from './relay-client.js';
import { RelaySpeed } from './relay-speed.js';

/** What is said of ten seconds in which so many bytes come each second. */
const verdictOf = (speed: RelaySpeed, bytesPerSecond: number) => {
  expect(speed.add(4_000, 4 * bytesPerSecond)).toBeNull();
  return speed.add(6_000, 6 * bytesPerSecond);
};

it('asks for no comparison of what is fast, and for one of what is not', () => {
  const speed = new RelaySpeed(manualClock(), relayTimes);
  expect(verdictOf(speed, 64 * 1024)).toBe('fast');
  expect(verdictOf(speed, 63 * 1024)).toBe('slow');
  expect(verdictOf(speed, 500)).toBe('dead');
});

it('is content with half of what the server gave, for ten minutes', () => {
  const clock = manualClock();
  const speed = new RelaySpeed(clock, relayTimes);
  verdictOf(speed, 6_000);
  expect(speed.isBeatenBy(10_000)).toBe(false);
  expect(verdictOf(speed, 5_000)).toBe('fast');
  expect(verdictOf(speed, 4_999)).toBe('slow');
  expect(speed.isBeatenBy(10_000)).toBe(true);
  clock.advance(600_000);
  expect(verdictOf(speed, 6_000)).toBe('slow');
});
