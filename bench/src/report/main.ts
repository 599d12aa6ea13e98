/**
 * The patch engine against its peers on real release pairs: bytes on the wire, CPU time and memory.
 *
 *     node bench/dist/report/main.js --corpus FOLDER [PAIR…] [--peers bsdiff-node,bsdiff,xdelta3,zstd] [--codec NAME]
 *                                    [--json FILE] [--runs N]
 *
 * FOLDER is what fetch-corpus.js made; PAIR is the beginning of an id. Exit code 1 when a file did not come out byte for
 * byte. bench/README.md says how to read it.
 */
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { choosePairs, isFetched, pairFolder, readCorpus } from '../corpus/corpus.js';
import { measurePair, type PairReport } from './measure-pair.js';
import { bareNodeBytes } from './measured-child.js';
import { defaultCodec, parseCodec } from './our-makers.js';
import { parsePeers, peerNames, peers } from './peers.js';
import { geometricMeanRatio, type Report, reportLines } from './print-report.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    corpus: { type: 'string' },
    peers: { type: 'string', default: peerNames.join(',') },
    codec: { type: 'string', default: defaultCodec },
    json: { type: 'string' },
    runs: { type: 'string', default: '1' },
  },
});

async function main(corpusFolder: string): Promise<void> {
  const chosen = { peers: parsePeers(values.peers), codec: parseCodec(values.codec), runs: Math.max(1, Number(values.runs) || 1) };
  const reasons = chosen.peers.map((name) => [name, peers[name].missing()] as const).filter(([, reason]) => reason !== null);
  const machine = {
    node: process.versions.node,
    platform: `${process.platform}-${process.arch}`,
    bareNodeBytes: await bareNodeBytes(),
    missing: Object.fromEntries(reasons),
  };
  const pairs: PairReport[] = [];
  for (const pair of choosePairs(await readCorpus(), positionals)) {
    if (!(await isFetched(corpusFolder, pair))) {
      console.error(`${pair.id}: not fetched, left out`);
      continue;
    }
    console.error(`${pair.id} …`);
    pairs.push(await measurePair({ ...pair, ...pairFolder(corpusFolder, pair), ...chosen }));
    // After every pair: a run over all of them takes long.
    await writeJson({ ...machine, pairs, geometricMeanRatio: geometricMeanRatio(pairs) });
  }
  for (const line of reportLines({ ...machine, pairs, geometricMeanRatio: geometricMeanRatio(pairs) })) console.log(line);
  if (pairs.some(({ ours, peers: others }) => [ours, ...others].some(({ exact }) => !exact))) process.exitCode = 1;
}

async function writeJson(report: Report): Promise<void> {
  if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify(report, null, 2)}\n`);
}

if (values.corpus === undefined) throw new Error('--corpus FOLDER is missing: the folder that fetch-corpus.js filled');
await main(values.corpus);
