/**
 * @tufjs/models 4.1.1 makes every map by copying the map so far for each entry. That is quadratic: 8,000 names took 50 s,
 * and it is done before any signature is looked at, so that whoever answers a terminal could keep it busy for minutes
 * with one megabyte. Here the large maps are taken out before the library reads or writes the rest, and are put
 * back entry by entry. What comes out is the same.
 */
import { Key, MetaFile, Root, Snapshot, TargetFile, Targets } from '@tufjs/models';
import { Delegations } from '@tufjs/models/dist/delegations.js';
import { DelegatedRole, TOP_LEVEL_ROLE_NAMES } from '@tufjs/models/dist/role.js';

type Json = Record<string, unknown>;

interface MapCodec {
  /** In JSON and in the model alike. */
  readonly field: string;
  readonly decode: (json: unknown) => unknown;
  readonly encode: (model: unknown) => unknown;
  /** What the library takes instead of it. */
  readonly empty: unknown;
}

interface Model {
  readonly prototype: { toJSON(): object };
  fromJSON(json: never): object;
}

let isDone = false;

/** Afterwards the library reads and writes metadata in a time that grows with its length. Again changes nothing. */
export function readModelsInLinearTime(): void {
  if (isDone) return;
  isDone = true;
  const keys = mapOf('keys', (id, json) => Key.fromJSON(id, json as never));
  replaceMaps(Root, [keys]);
  replaceMaps(Snapshot, [mapOf('meta', (_name, json) => MetaFile.fromJSON(json as never))]);
  replaceMaps(Targets, [mapOf('targets', (name, json) => TargetFile.fromJSON(name, json as never))]);
  replaceMaps(Delegations, [keys, roleList]);
}

const isRecord = (value: unknown): value is Json => typeof value === 'object' && value !== null;

const written = (model: unknown): unknown => (model as { toJSON(): unknown }).toJSON();

const mapOf = (field: string, decodeOne: (name: string, json: unknown) => unknown): MapCodec => ({
  field,
  empty: {},
  decode(json) {
    if (!isRecord(json) || !Object.values(json).every(isRecord)) throw new TypeError(`${field} is malformed`);
    return Object.fromEntries(Object.entries(json).map(([name, one]) => [name, decodeOne(name, one)]));
  },
  encode: (model) => Object.fromEntries(Object.entries(model as Json).map(([name, one]) => [name, written(one)])),
});

/** A list in JSON, a map by names in the model. */
const roleList: MapCodec = {
  field: 'roles',
  empty: [],
  decode(json) {
    if (!Array.isArray(json) || !json.every(isRecord)) throw new TypeError('roles is malformed');
    const roles = json.map((one) => DelegatedRole.fromJSON(one as never));
    if (roles.some(({ name }) => TOP_LEVEL_ROLE_NAMES.includes(name))) throw new TypeError('a top-level role is delegated');
    return Object.fromEntries(roles.map((role) => [role.name, role]));
  },
  encode: (model) => Object.values(model as Json).map(written),
};

function replaceMaps(model: Model, maps: readonly MapCodec[]): void {
  const fromJSON = model.fromJSON.bind(model) as (json: Json) => Json;
  const { toJSON } = model.prototype;
  model.fromJSON = (json: Json) => {
    const present = maps.filter(({ field }) => json[field] !== undefined);
    const made = fromJSON({ ...json, ...Object.fromEntries(present.map(({ field, empty }) => [field, empty])) });
    for (const { field, decode } of present) made[field] = decode(json[field]);
    return made;
  };
  model.prototype.toJSON = function (this: Json): object {
    const present = maps.filter(({ field }) => this[field] !== undefined);
    const rest = Object.assign(Object.create(model.prototype), this, Object.fromEntries(present.map(({ field }) => [field, {}])));
    const json = toJSON.call(rest) as Json;
    for (const { field, encode } of present) json[field] = encode(this[field]);
    return json;
  };
}
