/**
 * Fetches the release pairs that the report measures, each into FOLDER/<pair>/base and FOLDER/<pair>/target.
 *
 *     node bench/dist/corpus/fetch-corpus.js FOLDER [PAIR…] [--within SECONDS]
 *
 * PAIR is the beginning of an id in fixtures/corpus.json. What is not there after so many seconds (default: as long as it
 * takes) is given up: npm alone waits for minutes for a registry that does not answer. Needs npm; Debian packages need apt-get and a mirror that still
 * has both versions. A pair that can not be had is told with the reason; the exit code is 1 when none was to be had.
 */
import { mkdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { choosePairs, readCorpus } from './corpus.js';
import { type FetchOutcome, fetchPair } from './fetch-pair.js';

const sentenceOf = (outcome: FetchOutcome): string => {
  switch (outcome.kind) {
    case 'fetched':
      return 'fetched';
    case 'kept':
      return 'is there already';
    case 'missing':
      return `missing: ${outcome.reason}`;
  }
};

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({ options: { within: { type: 'string' } }, allowPositionals: true });
  const [folder, ...names] = positionals;
  if (folder === undefined) throw new Error('usage: node bench/dist/corpus/fetch-corpus.js FOLDER [PAIR…] [--within SECONDS]');
  const signal = values.within === undefined ? undefined : AbortSignal.timeout(Number(values.within) * 1_000);
  const corpusFolder = resolve(folder);
  await mkdir(corpusFolder, { recursive: true });
  let held = 0;
  for (const pair of choosePairs(await readCorpus(), names)) {
    const outcome = await fetchPair(pair, corpusFolder, signal);
    if (outcome.kind !== 'missing') held += 1;
    console.log(`${pair.id}: ${sentenceOf(outcome)}`);
  }
  if (held === 0) process.exitCode = 1;
}

await main();
