import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Two real consecutive releases, and what is known of other tools' patches between them. */
export interface CorpusPair {
  readonly id: string;
  /** What it is an example of, for people. */
  readonly kind: string;
  /** Chosen without a look at results when the others had been worked with (default false). */
  readonly fresh?: boolean;
  /** Where both releases come from: the npm registry, or the Debian mirror this machine is set up for. */
  readonly origin: 'npm' | 'deb';
  readonly name: string;
  /** Versions. */
  readonly base: string;
  readonly target: string;
  /** What the package files of both versions must be (default: not checked), as npm writes it: `sha512-` and base64. */
  readonly integrity?: { readonly base: string; readonly target: string };
  readonly published: readonly PublishedSize[];
}

/** The size of all patches of a pair as a tool's users have measured it elsewhere. */
export interface PublishedSize {
  readonly tool: string;
  readonly bytes: number;
}

/** The pairs that `fixtures/corpus.json` lists. */
export async function readCorpus(): Promise<readonly CorpusPair[]> {
  const text = await readFile(new URL('corpus.json', import.meta.resolve('@remendo/fixtures/package.json')), 'utf8');
  return (JSON.parse(text) as { pairs: readonly CorpusPair[] }).pairs;
}

/** The pairs whose id starts with one of `names`, or all. @throws Error for a name that is no pair's. */
export function choosePairs(pairs: readonly CorpusPair[], names: readonly string[]): readonly CorpusPair[] {
  const unknown = names.find((name) => !pairs.some(({ id }) => id.startsWith(name)));
  if (unknown !== undefined) throw new Error(`there is no pair ${unknown}; there are ${pairs.map(({ id }) => id).join(', ')}`);
  return names.length === 0 ? pairs : pairs.filter(({ id }) => names.some((name) => id.startsWith(name)));
}

/** Where a fetched pair lies. */
export const pairFolder = (corpusFolder: string, { id }: CorpusPair) => ({
  base: join(corpusFolder, id, 'base'),
  target: join(corpusFolder, id, 'target'),
  /** Written last: says which versions the two folders hold. */
  marker: join(corpusFolder, id, 'fetched.json'),
});

/** Whether both folders hold the versions that the corpus names. */
export async function isFetched(corpusFolder: string, pair: CorpusPair): Promise<boolean> {
  const text = await readFile(pairFolder(corpusFolder, pair).marker, 'utf8').catch(() => null);
  return text === markerOf(pair);
}

export const markerOf = ({ origin, name, base, target }: CorpusPair): string => JSON.stringify({ origin, name, base, target });
