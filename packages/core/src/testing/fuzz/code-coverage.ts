/**
 * Which blocks of the decoders ran, as V8 counts them (node:inspector, Profiler.startPreciseCoverage with blocks). Code that
 * was compiled before the counting began has no blocks: start it, then import what is to be watched. WebAssembly is not
 * counted; this folder and the maker of inputs are left out.
 */
import { type Profiler, Session } from 'node:inspector';

/** What ran within some time, by script. */
export type RanCode = readonly Profiler.ScriptCoverage[];

/** Counts in this thread, from `startCodeCoverage` on. One at a time. */
export class CodeCoverage {
  constructor(private readonly session: Session) {}

  /** What ran since the last call. Takes some milliseconds, however little ran. */
  async take(): Promise<RanCode> {
    const ran = await new Promise<RanCode>((resolve, reject) => {
      this.session.post('Profiler.takePreciseCoverage', (error, taken) => (error === null ? resolve(taken.result) : reject(error)));
    });
    return ran.filter(({ url }) => isWatched(url));
  }

  stop(): void {
    this.session.disconnect();
  }
}

const isWatched = (url: string): boolean => url.startsWith('file:') && !/\/(testing|fast-check|pure-rand)\//.test(url);

export async function startCodeCoverage(): Promise<CodeCoverage> {
  const session = new Session();
  session.connect();
  await new Promise<void>((resolve, reject) => {
    session.post('Profiler.enable');
    session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true }, (error) =>
      error === null ? resolve() : reject(error),
    );
  });
  return new CodeCoverage(session);
}

interface Script {
  /** 1 for each character that ran. */
  readonly reached: Uint8Array;
  /** Where a block began or ended. */
  readonly borders: Set<number>;
}

/** All code that ever ran. */
export class ReachedCode {
  readonly #scripts = new Map<string, Script>();

  /** True when some of it is not reached yet. */
  hasFresh(ran: RanCode): boolean {
    return ran.some((script) => {
      const before = this.#scripts.get(script.scriptId)?.reached;
      const characters = charactersOf(script);
      for (let at = characters.indexOf(1); at >= 0; at = characters.indexOf(1, at + 1)) if (before?.[at] !== 1) return true;
      return false;
    });
  }

  add(ran: RanCode): void {
    for (const script of ran) {
      const before = this.#scripts.get(script.scriptId);
      const characters = charactersOf(script);
      const borders = before?.borders ?? new Set();
      for (const { ranges } of script.functions)
        for (const { startOffset, endOffset } of ranges) borders.add(startOffset).add(endOffset);
      // A take names only what ran and stood around it: often less of the script than an earlier one.
      const reached = new Uint8Array(Math.max(characters.length, before?.reached.length ?? 0));
      reached.set(before?.reached ?? []);
      characters.forEach((isReached, at) => {
        if (isReached === 1) reached[at] = 1;
      });
      this.#scripts.set(script.scriptId, { reached, borders });
    }
  }

  /** How many pieces of code ran that did not always run together. */
  get blocks(): number {
    let count = 0;
    for (const { reached, borders } of this.#scripts.values()) for (const border of borders) count += reached[border] ?? 0;
    return count;
  }
}

/** Functions stand after those around them, ranges after those they lie in: what stands later is more exact. */
function charactersOf({ functions }: Profiler.ScriptCoverage): Uint8Array {
  const characters = new Uint8Array(Math.max(0, ...functions.map(({ ranges }) => ranges[0]?.endOffset ?? 0)));
  for (const { ranges } of functions)
    for (const { startOffset, endOffset, count } of ranges) characters.fill(count > 0 ? 1 : 0, startOffset, endOffset);
  return characters;
}
