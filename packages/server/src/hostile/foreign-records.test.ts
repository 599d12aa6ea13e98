/**
 * Asking for what is somebody else's by its id: every operation that names something, asked by another customer, by that
 * customer's terminal and by another terminal of the owner's, finds nothing and changes nothing. The operations come from the
 * API's own description: one that is added is tried too.
 */
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Identity } from '../testing/test-accounts.js';
import { type ApiWorld, bodies, filled, namesOf, type Operation, openApiWorld } from './api-world.test.support.js';

const mark = 'of-the-owner-alone';
let world: ApiWorld;
let owners: readonly string[];

beforeAll(async () => {
  world = await openApiWorld(mark);
  // Numbers stand anywhere.
  owners = [world.sibling.id, world.keyPrefix];
});
afterAll(() => world?.server.stop());

const strangers: readonly (readonly [string, () => Identity])[] = [
  ['another customer', () => world.stranger.as],
  ["another customer's terminal", () => world.strangersTerminal.as],
  ['another terminal of the same customer', () => world.terminal.as],
];

/** With the owner's ids wherever something is named, in the address and in the query. */
function pathOf({ path, tag, parameters }: Operation): string {
  const asked: Readonly<Record<string, string>> = {
    customer: world.owner.code,
    terminal: world.sibling.id,
    branch: mark,
    application: 'erp',
  };
  const query = parameters.flatMap(({ in: place, name }) => (place === 'query' && name in asked ? [`${name}=${asked[name]}`] : []));
  return `${filled(path, namesOf(world, tag))}${query.length === 0 ? '' : `?${query.join('&')}`}`;
}

async function askAs(as: Identity, operation: Operation, path = pathOf(operation)) {
  const body = bodies[operation.name]?.('customer');
  const answer = await fetch(world.server.url + path, {
    method: operation.method,
    headers: { ...as, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: answer.status, text: await answer.text() };
}

/** What belongs to somebody: everything stored of the owner, but when it was last seen. */
async function ownedRows(): Promise<string> {
  const { rows } = await sql<{ line: string }>`
    select (to_jsonb(t) - 'is_silent' - 'last_check_at' - 'last_address')::text as line from terminal t where id = ${world.sibling.id}
    union all select to_jsonb(t)::text from webhook t where id = ${Number(world.ids.webhooks)}
    union all select to_jsonb(t)::text from notification t where id = ${Number(world.ids.notifications)}
    union all select to_jsonb(t)::text from backup_monitor t where id = ${Number(world.ids.backups)}
    union all select to_jsonb(t)::text from customer_key t where prefix = ${world.keyPrefix}
    union all select (to_jsonb(t) - 'updated_at' - 'last_seen_at')::text from customer t where code = ${world.owner.code}
    order by line`.execute(world.server.ports.database.db);
  expect(rows).toHaveLength(6);
  return rows.map(({ line }) => line).join('\n');
}

/** What everybody with a licence may have, by names that are no secrets. */
const isShared = ({ path }: Operation): boolean =>
  /\{(version|digest|file|channel|slug)\}/.test(path) || /^\/(api\/v1\/operators|metadata)\//.test(path);

/** The inbox of a customer is one for all its terminals. */
const isOwnInbox = (who: string, { tag }: Operation): boolean => who.endsWith('same customer') && tag === 'notifications';

describe.each(strangers)('%s', (who, as) => {
  it('finds nothing under the ids of the owner, and changes nothing', async () => {
    const before = await ownedRows();
    const named = world.operations.filter((operation) => operation.path.includes('{') && !isShared(operation));
    expect(named.length).toBeGreaterThan(12);
    for (const operation of named) {
      if (isOwnInbox(who, operation)) continue;
      const { status, text } = await askAs(as(), operation);
      expect([403, 404], `${operation.name}: ${status} ${text}`).toContain(status);
      expect(text).not.toContain(mark);
    }
    expect(await ownedRows()).toBe(before);
  });

  it('sees nothing of the owner in any list, whatever it filters by', async () => {
    for (const operation of world.operations.filter(({ method, path }) => method === 'GET' && !path.includes('{'))) {
      for (const path of [operation.path, pathOf(operation)]) {
        const { status, text } = await askAs(as(), operation, path);
        expect(status, path).toBeLessThan(500);
        if (isOwnInbox(who, operation)) continue;
        expect(text, path).not.toContain(mark);
        if (status === 200 && path === operation.path) for (const id of owners) expect(text).not.toContain(id);
      }
    }
  });
});

it('the owner finds all of it: the questions above are not refused for another reason', async () => {
  const found: string[] = [];
  for (const operation of world.operations.filter(({ method, path }) => method === 'GET' && path.includes('{id}')))
    if ((await askAs(world.owner.as, operation)).status === 200) found.push(operation.tag);
  expect(found.sort()).toEqual(['backups', 'notifications', 'terminals']);
  for (const path of ['/api/v1/updates/log', '/api/v1/backups', '/api/v1/terminals', '/api/v1/webhooks', '/api/v1/notifications'])
    expect((await askAs(world.owner.as, { method: 'GET', name: path } as Operation, path)).text, path).toContain(mark);
});
