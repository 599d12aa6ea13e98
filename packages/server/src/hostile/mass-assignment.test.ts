/** Sending more fields than one may set: names of columns, of prototypes, and what only operators decide. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ask, machine, nobody, person } from '../testing/test-accounts.js';
import { type ApiWorld, bodies, filled, namesOf, openApiWorld } from './api-world.test.support.js';

let world: ApiWorld;
beforeAll(async () => {
  world = await openApiWorld('owned');
});
afterAll(() => world?.server.stop());

interface Shape {
  readonly type?: string;
  readonly properties?: Readonly<Record<string, Shape>>;
  readonly additionalProperties?: boolean | Shape;
  readonly items?: Shape;
  readonly anyOf?: readonly Shape[];
}

/** Where an object takes fields that nobody named. */
function openObjects(shape: Shape | null | undefined, at: string): readonly string[] {
  if (shape === null || typeof shape !== 'object') return [];
  const { properties = {}, additionalProperties, items, anyOf = [] } = shape;
  const isOpen = shape.type === 'object' && additionalProperties !== false && typeof additionalProperties !== 'object';
  return [
    ...(isOpen ? [at] : []),
    ...Object.entries(properties).flatMap(([name, field]) => openObjects(field, `${at}/${name}`)),
    ...openObjects(items, `${at}/items`),
    ...anyOf.flatMap((choice, index) => openObjects(choice, `${at}/${index}`)),
  ];
}

/** They only ask: what a later terminal adds to its question is not stored. */
const asking = ['POST /api/v1/updates/blocks', 'POST /api/v1/updates/contents', 'POST /api/v1/updates/identify'];

describe('every body that changes something', () => {
  it('takes the fields that are named, and no others, at any depth', () => {
    const changing = world.operations.filter(({ name, bodySchema }) => bodySchema !== null && !asking.includes(name));
    expect(changing.length).toBeGreaterThan(15);
    expect(changing.flatMap(({ name, bodySchema }) => openObjects(bodySchema as Shape, name))).toEqual([]);
  });

  const surplus = [
    'id',
    'customer_id',
    'role',
    'is_admin',

    'created_at',
    'suspended_at',
    'secret',
    'secret_sha256',
    'toString',
  ];

  it('is refused with one more, whoever sends it', async () => {
    for (const { name, method, path, tag, bodySchema } of world.operations) {
      if (bodySchema === null || asking.includes(name)) continue;
      const address = filled(path, namesOf(world, tag));
      const named = Object.keys((bodySchema as Shape).properties ?? {});
      for (const field of surplus.filter((each) => !named.includes(each))) {
        const { status, body } = await ask(world.server, method, address, {
          body: { ...bodies[name]?.('admin'), [field]: 'admin' },
        });
        expect(`${name} with ${field}: ${status} ${body.code}`).toBe(`${name} with ${field}: 400 REQUEST_INVALID`);
      }
    }
  });
});

describe('what only operators decide', () => {
  it.each([
    ['role', 'admin'],
    ['is_admin', true],
    ['limits', { administrators: null, properties: null, terminals: null }],
    ['features', { multi_db: true }],
    ['expires_on', '2999-01-01'],
    ['allowed_addresses', []],
    ['status', 'active'],
    ['code', 'USR22222'],
  ])('is not set by who registers: %s', async (field, value) => {
    const { body } = await ask(world.server, 'POST', '/api/v1/register', { as: nobody, body: person({ [field]: value }) });
    expect(body).toMatchObject({ status: 400, code: 'REQUEST_INVALID' });
  });

  it.each([
    ['ring', 'inner'],
    ['id', 'trm_AAAAAAAAAAAAAAAAAAAAAA'],
    ['customer', 'USR22222'],
    ['is_enabled', true],
    ['policies', {}],
  ])('is not set by a customer who enrols a machine: %s', async (field, value) => {
    const answer = await ask(world.server, 'POST', '/api/v1/terminals/enrol', {
      as: world.owner.as,
      body: machine({ [field]: value }),
    });
    expect(answer.body).toMatchObject({ status: 400, code: 'REQUEST_INVALID' });
  });

  it.each(['group', 'ring'])('is not set by a customer or a terminal afterwards: %s', async (field) => {
    for (const as of [world.owner.as, world.sibling.as]) {
      const answer = await ask(world.server, 'PATCH', `/api/v1/terminals/${world.sibling.id}`, { as, body: { [field]: 'pilots' } });
      expect(answer.body).toMatchObject({ status: 403, code: 'AUTH_FORBIDDEN' });
    }
  });
});

describe('names of prototypes', () => {
  const polluted = [
    '{"__proto__":{"role":"admin"}}',
    '{"constructor":{"prototype":{"role":"admin"}}}',
    '{"a":{"__proto__":{"role":"admin"}}}',
  ];

  it('are refused in every body, and change no prototype', async () => {
    for (const { name, method, path, bodySchema } of world.operations) {
      if (bodySchema === null) continue;
      for (const text of polluted) {
        const answer = await fetch(world.server.url + path.replace(/\{\w+\}/g, '1.0.0'), {
          method,
          headers: { ...world.as.admin, 'content-type': 'application/json' },
          body: text,
        });
        expect(`${name}: ${answer.status}`).toBe(`${name}: 400`);
        await answer.arrayBuffer();
      }
    }
    expect(({} as { role?: string }).role).toBeUndefined();
  });

  it('are nothing in a query', async () => {
    for (const query of [
      '__proto__[role]=admin',
      '__proto__=x',
      'constructor=x',
      'constructor[prototype][role]=admin',
      'toString=x',
      'hasOwnProperty=x',
    ]) {
      const { status } = await ask(world.server, 'GET', `/api/v1/customers?${query}`);
      expect([200, 400], query).toContain(status);
    }
    expect(({} as { role?: string }).role).toBeUndefined();
  });

  it('as names of features are kept as names, of nobody else', async () => {
    for (const name of ['__proto__', 'constructor', 'toString']) {
      const { status } = await ask(world.server, 'PATCH', `/api/v1/customers/${world.owner.code}`, {
        body: JSON.parse(`{"features":{"${name}":true}}`),
      });
      expect([200, 400]).toContain(status);
    }
    const { body } = await ask(world.server, 'GET', '/api/v1/license/verify', { as: world.stranger.as });
    expect(body.features).toEqual(['api']);
  });
});
