/**
 * Doing what one may not: every operation of the API, asked by everybody, against the table of docs/operating/permissions.md.
 * A route that is added needs a row there, and a body here if it takes one.
 */
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type ApiWorld,
  bodies,
  filled,
  namesOf,
  type Operation,
  openApiWorld,
  type PrincipalName,
  principals,
} from './api-world.test.support.js';

let world: ApiWorld;
/** By the operation: who may. */
let table: ReadonlyMap<string, readonly PrincipalName[]>;

beforeAll(async () => {
  world = await openApiWorld('owned');
  const text = await readFile(new URL('../../../../docs/operating/permissions.md', import.meta.url), 'utf8');
  table = new Map([...text.matchAll(/^\| `([A-Z]+ [^`]+)` *\|(.+)\|$/gm)].map(([, name = '', cells = '']) => [name, whoOf(cells)]));
});
afterAll(() => world?.server.stop());

const whoOf = (cells: string): readonly PrincipalName[] => {
  const marks = cells.split('|').map((cell) => cell.trim());
  expect(marks, cells).toHaveLength(principals.length);
  return principals.filter((_name, index) => marks[index] === 'yes');
};

/** What is taken away or changed for good is not there, so that nothing is lost to those who may. */
function pathOf({ path, tag, method }: Operation, as: PrincipalName): string {
  const unknownTerminal = as === 'terminal' ? world.terminal.id : `trm_${'0'.repeat(22)}`;
  return filled(path, {
    ...namesOf(world, tag),
    id: tag === 'terminals' ? unknownTerminal : '999999',
    prefix: 'unknown00000',
    token: 'unknown',
    ...(method === 'DELETE' ? { code: 'USR22222' } : {}),
  });
}

async function isHeard(operation: Operation, as: PrincipalName): Promise<boolean> {
  const { method, name } = operation;
  const body = bodies[name]?.(as);
  const answer = await fetch(world.server.url + pathOf(operation, as), {
    method,
    headers: { ...world.as[as], ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  const code: string = answer.status < 400 ? '' : JSON.parse(text).code;
  const told = `${name} by ${as}: ${answer.status} ${code}`;
  expect(told).not.toMatch(/: 5/);
  // A body that the schema refuses is refused before anybody looks who asks. Forms are refused after.
  if (operation.bodySchema !== null) expect(told).not.toContain('REQUEST_INVALID');
  expect(code === 'AUTH_REQUIRED', told).toBe(answer.status === 401);
  if (code === 'AUTH_REQUIRED') expect(as, told).toBe('nobody');
  if (code === 'AUTH_FORBIDDEN') expect(answer.status, told).toBe(403);
  return code !== 'AUTH_REQUIRED' && code !== 'AUTH_FORBIDDEN';
}

describe('every operation of the API', () => {
  it('is in the table, and nothing else', () => {
    expect([...table.keys()].sort()).toEqual(world.operations.map(({ name }) => name).sort());
  });

  it.each(principals)('is heard from who may and refused to who may not: %s', async (as) => {
    const heard: string[] = [];
    for (const operation of world.operations) if (await isHeard(operation, as)) heard.push(operation.name);
    const may = world.operations.map(({ name }) => name).filter((name) => table.get(name)?.includes(as));
    expect(heard).toEqual(may);
  });

  it('is refused to HEAD as it is to GET', async () => {
    for (const operation of world.operations.filter(({ method }) => method === 'GET')) {
      const path = world.server.url + pathOf(operation, 'nobody');
      const [get, head] = [await fetch(path, { redirect: 'manual' }), await fetch(path, { method: 'HEAD', redirect: 'manual' })];
      await get.arrayBuffer();
      expect(`${operation.name}: ${head.status}`).toBe(`${operation.name}: ${get.status}`);
    }
  });
});
