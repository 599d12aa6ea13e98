/**
 * Load for large answers, alone in its process: `sockets-alone.js LOAD`, with a `Load` as JSON; prints what autocannon's
 * program prints. autocannon parses and keeps bodies, which at 256 kB each has it ask less than any server can answer;
 * this reads the head of an answer and counts the rest.
 */

import { connect } from 'node:net';
import { createHistogram } from 'node:perf_hooks';
import type { Load } from './load.js';

const given = JSON.parse(process.argv[2] ?? '') as Load;
const { hostname, port } = new URL(given.url);
const counts = { answered: 0, bytes: 0, refused: 0 };
const latencies = createHistogram();
const heads = given.requests.map(({ path, headers }) => {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.from(`GET ${path} HTTP/1.1\r\nhost: ${hostname}\r\n${lines.join('')}\r\n`);
});
const beganAt = performance.now();
const endAt = beganAt + given.seconds * 1_000;

/** One connection with one request at a time; resolves when the time is over. */
function keepAsking(first: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname);
    let next = first;
    let sentAt = 0;
    let missingBytes = 0;
    let head = '';
    const ask = (): void => {
      // Each asks once, also where the time was over before it was connected.
      if (performance.now() >= endAt && next > first) return void socket.destroy();
      sentAt = performance.now();
      socket.write(heads[next % heads.length] ?? '');
      next += 1;
    };
    const onData = (chunk: Buffer): void => {
      counts.bytes += chunk.length;
      if (missingBytes > 0) missingBytes -= chunk.length;
      else {
        head += chunk.toString('latin1');
        const end = head.indexOf('\r\n\r\n');
        if (end < 0) return;
        if (!/^HTTP\/1\.1 2/.test(head)) counts.refused += 1;
        missingBytes = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1]) - (head.length - end - 4);
        head = '';
      }
      if (missingBytes > 0) return;
      counts.answered += 1;
      latencies.record(Math.max(1, Math.round((performance.now() - sentAt) * 1_000)));
      ask();
    };
    socket.on('connect', ask).on('data', onData).on('error', reject).on('close', resolve);
  });
}

await Promise.all(Array.from({ length: given.connections }, (_, index) => keepAsking(index)));
const seconds = (performance.now() - beganAt) / 1_000;
process.stdout.write(
  JSON.stringify({
    requestsPerSecond: counts.answered / seconds,
    bytesPerSecond: counts.bytes / seconds,
    p99Ms: latencies.percentile(99) / 1_000,
    answered: counts.answered,
    refused: counts.refused,
  }),
);
