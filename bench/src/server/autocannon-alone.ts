/** autocannon, alone in its process: `autocannon-alone.js LOAD`, with a `Load` as JSON; prints what it measured as JSON. */
import autocannon from 'autocannon';
import type { Load } from './load.js';

const given = JSON.parse(process.argv[2] ?? '') as Load;
const { requests, throughput, latency, non2xx, errors, timeouts } = await autocannon({
  url: given.url,
  connections: given.connections,
  duration: given.seconds,
  requests: given.requests.map(({ path, headers }) => ({ method: 'GET', path, headers })),
});
process.stdout.write(
  JSON.stringify({
    requestsPerSecond: requests.average,
    bytesPerSecond: throughput.average,
    p99Ms: latency.p99,
    answered: requests.total,
    refused: non2xx + errors + timeouts,
  }),
);
