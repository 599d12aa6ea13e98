/** How many requests a second a route answers; who asks is a process of its own. */
import { besides, cpuMs, runJson } from './programs.js';

export interface Load {
  /** Of the program that is measured. */
  readonly pid: number;
  readonly url: string;
  /** Taken one after the other, again and again, by every connection. */
  readonly requests: readonly { readonly path: string; readonly headers: Readonly<Record<string, string>> }[];
  readonly connections: number;
  readonly seconds: number;
  /** Who asks: autocannon, or plain sockets where answers are large. */
  readonly by: 'autocannon' | 'sockets';
}

export interface Loaded {
  readonly requestsPerSecond: number;
  /** Bodies and heads. */
  readonly bytesPerSecond: number;
  readonly p99Ms: number;
  /** Of the measured program: user and system time of all its threads. What else runs on the machine changes it least. */
  readonly cpuMicrosPerRequest: number;
}

/** The system tells processor time in steps of so much; what took less counts as one of them, so that it can be divided by. */
const cpuStepMs = 10;

interface LoadedAlone extends Omit<Loaded, 'cpuMicrosPerRequest'> {
  readonly answered: number;
  readonly refused: number;
}

/** @throws Error when any answer was not a 2xx: it would be another route that was measured. */
export async function load(given: Load): Promise<Loaded> {
  const cpuBefore = await cpuMs(given.pid);
  const { value } = await runJson<LoadedAlone>([besides(`${given.by}-alone.js`), JSON.stringify(given)]);
  const { refused, answered, ...loaded } = value;
  if (refused > 0) throw new Error(`${refused} requests to ${given.url} got no proper answer`);
  const tookMs = Math.max(cpuStepMs, (await cpuMs(given.pid)) - cpuBefore);
  return { ...loaded, cpuMicrosPerRequest: (tookMs * 1_000) / answered };
}

/** Runs several loads in turns, so that what else the machine does meets all of them. @returns the median of each. */
export async function loadInTurns<Name extends string>(
  loads: Readonly<Record<Name, Load>>,
  rounds: number,
): Promise<Readonly<Record<Name, Loaded>>> {
  const names = Object.keys(loads) as Name[];
  const measured = new Map<Name, Loaded[]>(names.map((name) => [name, []]));
  for (let round = 0; round < rounds; round += 1) {
    for (const name of names) {
      const loaded = await load(loads[name]);
      measured.get(name)?.push(loaded);
      process.stderr.write(`round ${round + 1}: ${name} ${Math.round(loaded.requestsPerSecond)} requests a second\n`);
    }
  }
  return Object.fromEntries(names.map((name) => [name, medianOf(measured.get(name) ?? [])])) as Record<Name, Loaded>;
}

function medianOf(runs: readonly Loaded[]): Loaded {
  const middle = runs.toSorted((a, b) => a.requestsPerSecond - b.requestsPerSecond)[runs.length >> 1];
  if (middle === undefined) throw new RangeError('nothing was measured');
  return middle;
}
