/**
 * Makes one delta file, as a publisher does, and nothing else: takes a `MakeJob` in a JSON file and prints a `MadeFile`.
 * One content at a time, as the peers work.
 */
import { open, readFile } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { encodeDeltaFileHead, indexDelta, nodeFileSystem } from '@remendo/core';
import { type BuiltDelta, buildDelta } from '@remendo/core/publish';
import { makerOf, type OurCodec } from './our-makers.js';
import { releaseOnDisk, type ScannedRelease } from './scanned-release.js';
import { measured, type Usage } from './usage.js';

export interface MakeJob {
  readonly base: ScannedRelease;
  readonly target: ScannedRelease;
  readonly codec: OurCodec;
  /** Empty. */
  readonly workFolder: string;
  readonly deltaPath: string;
}

export interface MadeFile {
  readonly usage: Usage;
  readonly notices: readonly string[];
}

async function makeDeltaFile({ base, target, codec, workFolder, deltaPath }: MakeJob): Promise<BuiltDelta> {
  const built = await buildDelta({
    fileSystem: nodeFileSystem(),
    base: releaseOnDisk(base),
    target: releaseOnDisk(target),
    makers: [makerOf(codec)],
    workFolder,
    concurrency: 1,
  });
  const file = await open(deltaPath, 'w');
  await file.write(encodeDeltaFileHead(indexDelta(built.delta)));
  if (built.pack === null) await file.close();
  else await pipeline((await open(built.pack.path)).createReadStream(), file.createWriteStream());
  return built;
}

const job = JSON.parse(await readFile(process.argv[2] ?? '', 'utf8')) as MakeJob;
let notices: readonly string[] = [];
const usage = await measured(async () => {
  ({ notices } = await makeDeltaFile(job));
});
process.stdout.write(JSON.stringify({ usage, notices } satisfies MadeFile));
