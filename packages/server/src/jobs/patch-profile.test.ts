import { decodeDeltaIndex } from '@remendo/core';
import type { PlanAnswer } from '@remendo/core/protocol';
import { describe, expect, it } from 'vitest';
import { deltasSettled, publishOk, startTestServer, type TestServer } from '../testing/test-server.js';

async function objectOf(server: TestServer, digest: string): Promise<Buffer> {
  return Buffer.from(await (await server.get(`/api/v1/objects/${digest}`)).arrayBuffer());
}

/** The first byte of the patch that takes 1.0.0 to 1.0.1: format and profile. */
async function formatOfPatch(args: readonly string[]): Promise<number | undefined> {
  const server = await startTestServer(args);
  try {
    const line = (index: number, version: string): string => `line ${index * index} of ${index % 7 === 0 ? version : 'all'}\n`;
    for (const version of ['1.0.0', '1.0.1']) {
      const bytes = Array.from({ length: 4_000 }, (_, index) => line(index, version)).join('');
      await publishOk(server.url, { version, parts: [{ path: 'changes.txt', bytes }] });
    }
    await deltasSettled(server.url, '1.0.1');
    const { plans } = (await (await server.get('/api/v1/updates/plan?base=1.0.0&target=1.0.1')).json()) as PlanAnswer;
    const offered = plans.find((plan) => plan.kind === 'delta');
    const { derivations, objects } = decodeDeltaIndex(await objectOf(server, offered?.index.digest ?? ''));
    const [derivation] = derivations;
    expect(derivation).toMatchObject({ kind: 'patch', codec: 'remendo' });
    const { object = 0, offset = 0 } = derivation?.blob ?? {};
    return (await objectOf(server, objects[object]?.digest ?? ''))[offset];
  } finally {
    await server.stop();
  }
}

describe('--patch-profile', () => {
  it('is compact unless another is asked for', async () => {
    expect(await formatOfPatch([])).toBe(0x10);
  });

  it('fast makes patches of the fast profile', async () => {
    expect(await formatOfPatch(['--patch-profile', 'fast'])).toBe(0x11);
  });
});
