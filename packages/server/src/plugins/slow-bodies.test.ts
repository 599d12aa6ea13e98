import { once } from 'node:events';
import { type AddressInfo, connect } from 'node:net';
import Fastify from 'fastify';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { App } from '../routes/app-ports.js';
import { slowBodies } from './slow-bodies.js';

const msMax = 200;
/** One has so much time for a body, the other as much as it needs. */
const [app, patient] = [Fastify(), Fastify()];

beforeAll(async () => {
  slowBodies(app as unknown as App, msMax);
  slowBodies(patient as unknown as App, 600_000);
  for (const each of [app, patient]) {
    each.post('/echo', async (request) => request.body);
    await each.listen({ port: 0, host: '127.0.0.1' });
  }
});

afterAll(() => Promise.all([app.close(), patient.close()]));

async function answerTo({ server }: typeof app, ...pieces: readonly string[]): Promise<string> {
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const closed = once(socket, 'close');
  let answer = '';
  socket.on('data', (chunk: Buffer) => {
    answer += chunk.toString();
  });
  for (const piece of pieces) {
    socket.write(piece);
    await new Promise((go) => setTimeout(go, 20));
  }
  await closed;
  return answer;
}

const head = 'POST /echo HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\n';

it('a body that comes in pieces arrives whole', async () => {
  const whole = /^HTTP\/1\.1 200 OK.*\{"a":1\}$/s;
  expect(await answerTo(patient, `${head}content-length: 7\r\n\r\n`, '{"a"', ':1}')).toMatch(whole);
  const chunks = ['4\r\n{"a"\r\n', '3\r\n:1}\r\n0\r\n\r\n'];
  expect(await answerTo(patient, `${head}transfer-encoding: chunked\r\n\r\n`, ...chunks)).toMatch(whole);
});

it('a body of another length than it said is refused', async () => {
  const answer = await app.inject({ method: 'POST', url: '/echo', headers: { 'content-type': 'application/json' }, payload: '' });
  expect(answer.statusCode).toBe(400);
});

it('a body that never ends is answered 408, and its connection closed', async () => {
  expect(await answerTo(app, `${head}content-length: 70\r\n\r\n{`)).toMatch(/^HTTP\/1\.1 408 Request Timeout.*connection: close/s);
});

it('a body that is refused by its length is forgotten with the answer', async () => {
  const errors: unknown[] = [];
  const listener = (error: unknown) => errors.push(error);
  process.on('uncaughtException', listener);
  expect(await answerTo(app, `${head}content-length: 90000000\r\n\r\n{`)).toMatch(/^HTTP\/1\.1 413 /);
  await new Promise((go) => setTimeout(go, 2 * msMax));
  process.off('uncaughtException', listener);
  expect(errors).toEqual([]);
});

it('nothing waits for a client that went away in the middle of its body', async () => {
  const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1');
  socket.write(`${head}content-length: 70\r\n\r\n{`, () => socket.destroy());
  await once(socket, 'close');
  const open = () => new Promise((resolve) => app.server.getConnections((_error, count) => resolve(count)));
  await expect.poll(open, { timeout: 60_000 }).toBe(0);
});
