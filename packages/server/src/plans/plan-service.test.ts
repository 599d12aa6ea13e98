import { UpdaterError } from '@remendo/core';
import type { PlanAnswer } from '@remendo/core/protocol';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { publishOk, startTestServer, type TestServer } from '../testing/test-server.js';

vi.mock('./run-compose-plans.js', () => ({
  runComposePlans: () => Promise.reject(new UpdaterError('SERVER_FAILED', 'the planning thread ended without an answer')),
}));

let server: TestServer;

beforeAll(async () => {
  server = await startTestServer();
});

afterAll(() => server?.stop());

it('offers the zip of a release that no plan can be made for', async () => {
  const { release } = await publishOk(server.url, { version: '1.0.0', parts: [{ path: 'app.txt', bytes: 'the application' }] });
  const answer = await server.get('/api/v1/updates/plan');
  expect(answer.status).toBe(200);
  const { plans, target } = (await answer.json()) as PlanAnswer;
  expect(plans.map(({ kind, fetches }) => [kind, fetches.map(({ digest }) => digest)])).toEqual([
    ['zip', [target.manifest.digest, release.zip.digest]],
  ]);
});
