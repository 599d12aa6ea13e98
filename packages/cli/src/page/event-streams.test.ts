import { once } from 'node:events';
import { expect, it } from 'vitest';
import { openEventStreams } from './event-streams.js';

it('lets go of a listener that does not read, and of nobody else', async () => {
  const listening: boolean[] = [];
  const streams = openEventStreams({ bytesMax: 10_000, onListening: (isListening) => listening.push(isListening) });
  const [deaf, hearing] = [streams.open(() => []), streams.open(() => [])];
  if (deaf === null || hearing === null) throw new TypeError('two may listen');
  let heardBytes = 0;
  hearing.on('data', (chunk: Buffer) => {
    heardBytes += chunk.length;
  });
  const letGo = once(deaf, 'close');
  const data = { line: 'x'.repeat(1_000) };
  for (let count = 0; count < 50; count++) {
    streams.send({ name: 'log', data, id: `${count}` });
    await new Promise(setImmediate);
  }
  await letGo;
  expect([deaf.destroyed, hearing.destroyed]).toEqual([true, false]);
  expect(heardBytes).toBeGreaterThan(50 * 1_000);
  streams.close();
  await once(hearing, 'end');
  expect(listening).toEqual([true, false]);
  expect(streams.open(() => [])).toBeNull();
});
