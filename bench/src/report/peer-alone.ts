/**
 * Makes or applies all patches of one peer, and nothing else: `make|apply PEER FILES.json`, the last a list of `PeerFile`.
 * Prints the `Usage` of all together. Files without a base are compressed whole by brotli, quality 11.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { brotliCompressSync, brotliDecompressSync, constants } from 'node:zlib';
import { type PatchPaths, type PeerFile, type PeerName, peers } from './peers.js';
import { measured, type Usage } from './usage.js';

function makeWhole({ target, patch }: PeerFile): void {
  const plain = readFileSync(target);
  const { BROTLI_PARAM_QUALITY: quality, BROTLI_PARAM_LGWIN: window, BROTLI_PARAM_SIZE_HINT: hint } = constants;
  writeFileSync(patch, brotliCompressSync(plain, { params: { [quality]: 11, [window]: 24, [hint]: plain.length } }));
}

const applyWhole = ({ patch, made }: PeerFile): void => writeFileSync(made, brotliDecompressSync(readFileSync(patch)));

const hasBase = (file: PeerFile): file is PatchPaths => file.base !== null;

const [verb, name, filesPath] = process.argv.slice(2) as ['make' | 'apply', PeerName, string];
let sum: Usage = { cpuSeconds: 0, wallSeconds: 0, peakBytes: 0 };
for (const file of JSON.parse(readFileSync(filesPath, 'utf8')) as readonly PeerFile[]) {
  const whole = verb === 'make' ? makeWhole : applyWhole;
  const usage = hasBase(file) ? await peers[name][verb](file) : await measured(() => whole(file));
  sum = {
    cpuSeconds: sum.cpuSeconds + usage.cpuSeconds,
    wallSeconds: sum.wallSeconds + usage.wallSeconds,
    peakBytes: Math.max(sum.peakBytes, usage.peakBytes),
  };
}
process.stdout.write(JSON.stringify(sum));
