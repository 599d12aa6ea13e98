/** The cases of the public suite, which this project can not install, written again and named after its functions. */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { basicCases } from './basic-cases.test.support.js';
import type { Cases } from './cases.test.support.js';
import { type SimulatorServer, startSimulator } from './client.test.support.js';
import { keyCases } from './key-cases.test.support.js';
import { targetCases } from './target-cases.test.support.js';
import { timeCases } from './time-cases.test.support.js';

const cases: Cases = { ...basicCases, ...timeCases, ...keyCases, ...targetCases };

let server: SimulatorServer;
beforeAll(async () => {
  server = await startSimulator();
});
afterAll(() => server.close());

async function run(name: string, options: { readonly asProcess?: boolean } = {}): Promise<void> {
  const client = await server.newTest(options);
  await cases[name]?.(client, client.repository);
}

describe('the cases of the conformance suite hold', () => {
  it.each(Object.keys(cases))('%s', (name) => run(name));
});

describe('the command as a program of its own', () => {
  it.each([
    'test_basic_refresh_trusted_data',
    'test_unsigned_metadata[snapshot]',
    'test_faketime',
    'test_repository_substitutes_target_file',
  ])('holds %s', (name) => run(name, { asProcess: true }));
});

it('docs/tuf-conformance.md lists these cases, and how many each has', async () => {
  const document = await readFile(fileURLToPath(new URL('../../../docs/tuf-conformance.md', import.meta.url)), 'utf8');
  const rows = [...document.matchAll(/^\| `(test_\w+)` \| (\d+) \| holds \|/gm)].map(([, name, count]) => `${name} ${count}`);
  const counts = new Map<string, number>();
  for (const name of Object.keys(cases)) {
    const [of = ''] = name.split('[');
    counts.set(of, (counts.get(of) ?? 0) + 1);
  }
  expect(rows.sort()).toEqual([...counts].map(([name, count]) => `${name} ${count}`).sort());
});
