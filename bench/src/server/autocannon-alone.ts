/** autocannon, alone in its process: `autocannon-alone.js LOAD`, with a `Load` as JSON; prints what it measured as JSON. */
import autocannon from 'autocannon';
import type { Load } from './load.js';

const given = JSON.parse(process.argv[2] ?? '') as Load;
/** Where little time is given and the machine is busy with something else, none of it may be the server's. */
const triesMax = 30;
/** Of one request, in seconds: it is waited for as long as the load lasts. */
const timeout = 600;

const fire = () =>
  autocannon({
    url: given.url,
    connections: given.connections,
    duration: given.seconds,
    timeout,
    requests: given.requests.map(({ path, headers }) => ({ method: 'GET', path, headers })),
  });

let result = await fire();
for (let tries = 1; result.requests.average === 0 && tries < triesMax; tries++) result = await fire();
const { requests, throughput, latency, non2xx, errors, timeouts } = result;
process.stdout.write(
  JSON.stringify({
    requestsPerSecond: requests.average,
    bytesPerSecond: throughput.average,
    p99Ms: latency.p99,
    answered: requests.total,
    refused: non2xx + errors + timeouts,
  }),
);
