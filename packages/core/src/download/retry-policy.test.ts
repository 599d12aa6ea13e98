import { expect, it } from 'vitest';
import { backoffDelayMs, isRetriedStatus, parseRetryAfter, defaultRetryPolicy as policy, retryDelayMs } from './retry-policy.js';

it('doubles the pause for each repetition up to its bound, half of it by chance', () => {
  expect([1, 2, 3, 4, 5, 6, 20].map((repetition) => backoffDelayMs(policy, repetition, 0))).toEqual([
    500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000,
  ]);
  expect([1, 2, 20].map((repetition) => backoffDelayMs(policy, repetition, 0.5))).toEqual([750, 1_500, 22_500]);
});

it('never comes back before Retry-After', () => {
  expect(retryDelayMs(policy, 1, 0, 7_000)).toBe(7_000);
  expect(retryDelayMs(policy, 1, 0.5, 7_000)).toBe(7_350);
  expect(retryDelayMs(policy, 2, 0, null)).toBe(1_000);
});

it('reads Retry-After as seconds or as a date and takes nothing else for one', () => {
  const nowMs = Date.UTC(2026, 0, 1, 12);
  expect(parseRetryAfter('120', nowMs)).toBe(120_000);
  expect(parseRetryAfter('Thu, 01 Jan 2026 12:00:30 GMT', nowMs)).toBe(30_000);
  expect(parseRetryAfter('Thu, 01 Jan 2026 11:00:00 GMT', nowMs)).toBe(0);
  for (const nonsense of [null, '', '-5', '1.5', 'soon', '99999999999']) {
    expect(parseRetryAfter(nonsense, nowMs), String(nonsense)).toBeNull();
  }
});

it('repeats what may pass and nothing that was decided', () => {
  expect([408, 429, 500, 502, 503, 504].every(isRetriedStatus)).toBe(true);
  expect([400, 401, 403, 404, 409, 410, 413, 416, 422, 501, 505].some(isRetriedStatus)).toBe(false);
});
