import { expect, it } from 'vitest';
import { nodeClock, nodeRandom } from './node-ports.js';

it('ends a sleep with the reason of its signal, before and during it', async () => {
  const abort = new AbortController();
  const asleep = nodeClock().sleep(3_600_000, abort.signal);
  abort.abort(new Error('closing time'));
  await expect(asleep).rejects.toThrow('closing time');
  await expect(nodeClock().sleep(0, abort.signal)).rejects.toThrow('closing time');
});

it('wakes from no sleep at all, and does not take a negative or endless one for another', async () => {
  await expect(nodeClock().sleep(0)).resolves.toBeUndefined();
  await expect(nodeClock().sleep(-5)).resolves.toBeUndefined();
  const abort = new AbortController();
  const endless = nodeClock().sleep(Number.POSITIVE_INFINITY, abort.signal);
  await nodeClock().sleep(0);
  abort.abort(new Error('still asleep'));
  await expect(endless).rejects.toThrow('still asleep');
});

it('draws names that differ and fractions below one', () => {
  const random = nodeRandom();
  expect(new Set(Array.from({ length: 100 }, () => random.id())).size).toBe(100);
  for (let count = 0; count < 100; count++) expect(random.fraction()).toBeLessThan(1);
});
