/** The options of `remendo simulate` as values; every problem is told at once. */
import { isSemver, limits, UpdaterError } from '@remendo/core';

/** As they stand on the command line. */
export interface SimulateOptions {
  readonly terminals: string;
  readonly duration: string;
  readonly finishWithin: string;
  readonly checkInterval: string;
  readonly versions: string;
  readonly links: string;
  readonly drops: string;
  readonly kills: string;
  readonly updating?: string;
  readonly addresses: 'shared' | 'loopback';
  readonly enrol?: boolean;
  readonly seed?: string;
}

export interface Simulation {
  readonly terminals: number;
  /** For how long terminals check. */
  readonly durationMs: number;
  /** How long updates that then still run get to finish. */
  readonly finishMs: number;
  readonly checkIntervalMs: number;
  /** Null: a terminal that does not know what it has. */
  readonly versions: readonly Weighted<string | null>[];
  /** In bytes per second; null: as fast as it comes. */
  readonly links: readonly Weighted<number | null>[];
  /** Of the requests for ranges of objects: those whose body is cut, 0 … 1. */
  readonly dropShare: number;
  /** Of all requests: those whose connection is destroyed before the answer is there, 0 … 1. */
  readonly killShare: number;
  /** How many terminals install what they are offered; the others only look at the plan. */
  readonly updating: number;
  readonly hasOwnAddresses: boolean;
  readonly enrols: boolean;
  readonly seed: number;
}

export interface Weighted<Value> {
  readonly value: Value;
  readonly weight: number;
}

/** What a fleet may be made of: more terminals than this need more than one machine. */
const terminalsMax = 60_000;
const dayMs = 86_400_000;

/** @throws UpdaterError CONFIG_INVALID with every problem in `details.problems`. */
export function parseSimulation(options: SimulateOptions): Simulation {
  const problems: string[] = [];
  const read = <Value>(flag: string, text: string, parse: (text: string) => Value): Value => {
    try {
      return parse(text);
    } catch (error) {
      problems.push(`${flag} ${(error as Error).message}`);
      // Not used: the problem is thrown below.
      return undefined as Value;
    }
  };
  const terminals = read('--terminals', options.terminals, integerFrom(1, terminalsMax));
  const simulation: Simulation = {
    terminals,
    durationMs: read('--duration', options.duration, parseDuration),
    finishMs: read('--finish-within', options.finishWithin, parseDuration),
    checkIntervalMs: read('--check-interval', options.checkInterval, parseDuration),
    versions: read('--versions', options.versions, (text) => parseWeights(text, parseVersionName)),
    links: read('--links', options.links, (text) => parseWeights(text, parseLink)),
    dropShare: read('--drops', options.drops, parseShare),
    killShare: read('--kills', options.kills, parseShare),
    updating: options.updating === undefined ? terminals : read('--updating', options.updating, integerFrom(0, terminalsMax)),
    hasOwnAddresses: options.addresses === 'loopback',
    enrols: options.enrol === true,
    seed: options.seed === undefined ? Date.now() % 2 ** 32 : read('--seed', options.seed, integerFrom(0, 2 ** 32 - 1)),
  };
  if (problems.length > 0) throw new UpdaterError('CONFIG_INVALID', 'the settings are not right', { details: { problems } });
  return simulation;
}

const integerFrom =
  (min: number, max: number) =>
  (text: string): number => {
    const number = Number(text);
    if (/^\d{1,10}$/.test(text) && number >= min && number <= max) return number;
    throw new Error(`must be a whole number from ${min} to ${max}`);
  };

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

function parseDuration(text: string): number {
  const [, number = '', unit = ''] = /^(\d{1,9})(ms|s|m|h)$/.exec(text) ?? [];
  const ms = Number(number) * (unitMs[unit] ?? 0);
  if (ms > 0 && ms <= dayMs) return ms;
  throw new Error('must be a duration such as 500ms, 60s, 10m or 1h, a day at most');
}

function parseShare(text: string): number {
  if (/^(0(\.\d{1,6})?|1)$/.test(text)) return Number(text);
  throw new Error('must be a share from 0 to 1, such as 0.05');
}

/** `1.0.0=50,unknown=20`; a name without a weight has 1. */
function parseWeights<Value>(text: string, parse: (name: string) => Value): readonly Weighted<Value>[] {
  const parsed = text.split(',').map((part) => {
    const [name = '', weight = '1', ...more] = part.trim().split('=');
    if (more.length > 0 || !/^\d{1,6}$/.test(weight)) throw new Error(`has no proper weight in ${part.slice(0, 80)}`);
    return { value: parse(name), weight: Number(weight) };
  });
  if (parsed.every(({ weight }) => weight === 0)) throw new Error('has no weight above 0');
  return parsed;
}

function parseVersionName(name: string): string | null {
  if (name === 'unknown') return null;
  if (isSemver(name) && name.length <= limits.versionCharactersMax) return name;
  throw new Error(`names ${name.slice(0, 80)}, which is no version (or unknown)`);
}

const unitBits: Readonly<Record<string, number>> = { k: 1e3, m: 1e6, g: 1e9 };

function parseLink(name: string): number | null {
  if (name === 'unlimited') return null;
  const [, number = '', unit = ''] = /^(\d{1,6})([kmg])$/.exec(name) ?? [];
  const bits = Number(number) * (unitBits[unit] ?? 0);
  if (bits > 0) return bits / 8;
  throw new Error(`names ${name.slice(0, 80)}, which is no speed in bits per second such as 256k, 4m or unlimited`);
}

/** @param fraction chance, 0 … 1 (never 1). */
export function chooseWeighted<Value>(choices: readonly Weighted<Value>[], fraction: number): Value {
  const sum = choices.reduce((total, { weight }) => total + weight, 0);
  let left = fraction * sum;
  const chosen = choices.find(({ weight }) => {
    left -= weight;
    return left < 0;
  });
  if (chosen === undefined) throw new RangeError('there is nothing to choose from');
  return chosen.value;
}
