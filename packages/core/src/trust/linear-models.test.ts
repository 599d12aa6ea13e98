import { createRequire } from 'node:module';
import { type MetadataKind, Metadata as ReadHere } from '@tufjs/models';
import { describe, expect, it } from 'vitest';
import { readModelsInLinearTime } from './linear-models.js';

readModelsInLinearTime();

/** The library once more, as it comes. */
const require = createRequire(import.meta.url);
const path = require.resolve('@tufjs/models');
const folder = path.slice(0, -'index.js'.length);
for (const name of Object.keys(require.cache)) if (name.startsWith(folder)) delete require.cache[name];
const { Metadata: ReadThere } = require(path) as { Metadata: typeof ReadHere };

const common = { spec_version: '1.0.31', version: 3, expires: '2030-01-01T00:00:00Z', signed_at: 'kept', deep: { er: [1] } };
const key = { keytype: 'ed25519', scheme: 'ed25519', keyval: { public: '00' }, custom: 1 };
const role = (name: string) => ({ name, keyids: ['a'], threshold: 1, terminating: true, paths: ['*'], custom: 2 });
const file = { length: 7, hashes: { sha256: 'ff' }, custom: { downgrade_from: '1.0.0' } };
const strange = JSON.parse(
  '{"10":{"version":1},"9":{"version":2},"__proto__":{"version":3},"constructor":{"version":4,"length":5}}',
);
const targets = (more: object) => ({ _type: 'targets', ...common, targets: { 'b/1': file, a: file }, ...more });

const samples: Readonly<Record<string, object>> = {
  'a snapshot': { _type: 'snapshot', ...common, meta: { 'targets.json': { version: 2, hashes: { sha256: 'f' }, custom: 3 } } },
  'a snapshot with strange names': { _type: 'snapshot', ...common, meta: strange },
  'a snapshot that lists nothing': { _type: 'snapshot', ...common },
  'a malformed snapshot': { _type: 'snapshot', ...common, meta: { 'targets.json': 7 } },
  'a snapshot with an array': { _type: 'snapshot', ...common, meta: [{ version: 1 }] },
  'a snapshot with nothing': { _type: 'snapshot', ...common, meta: null },
  targets: targets({}),
  'targets without any': { _type: 'targets', ...common },
  'malformed targets': targets({ targets: { a: { length: 'long' } } }),
  delegations: targets({ delegations: { keys: { k: key }, roles: [role('x'), role('10'), role('9'), role('x')], custom: 4 } }),
  bins: targets({
    delegations: { keys: { k: key }, succinct_roles: { keyids: ['k'], threshold: 1, bit_length: 7, name_prefix: 'b' } },
  }),
  'a delegated top-level role': targets({ delegations: { keys: {}, roles: [role('timestamp')] } }),
  'malformed keys': targets({ delegations: { keys: { k: 'key' }, roles: [] } }),
  'malformed roles': targets({ delegations: { keys: {}, roles: { x: role('x') } } }),
  'no keys': targets({ delegations: { roles: [] } }),
  'a root': {
    _type: 'root',
    ...common,
    consistent_snapshot: true,
    keys: { k: key, '1': key },
    roles: Object.fromEntries(['root', 'targets', 'snapshot', 'timestamp'].map((name) => [name, { keyids: ['k'], threshold: 1 }])),
  },
};

/** What it reads, written again; or that it refuses. */
function written(library: typeof ReadHere, signed: object): unknown {
  const { _type: kind } = signed as { _type: MetadataKind };
  try {
    return JSON.stringify(library.fromJSON(kind as MetadataKind.Root, { signed, signatures: [] } as never).toJSON());
  } catch {
    return 'refused';
  }
}

describe('the models of the library, read in linear time', () => {
  it.each(Object.keys(samples))('are what the library makes of %s', (name) => {
    const signed = samples[name] ?? {};
    expect(ReadThere).not.toBe(ReadHere);
    expect(written(ReadHere, signed)).toBe(written(ReadThere, signed));
    expect(written(ReadHere, signed) === 'refused').toBe(/malformed|delegated top|with nothing|^no keys/.test(name));
  });
});
