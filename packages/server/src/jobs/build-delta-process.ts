/**
 * The process that builds one delta: extracts what differs, makes the patches, writes index and pack. It has a work folder
 * and nothing else: no database, no secrets. When it crashes or takes too much memory, one job fails and nothing more.
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { setPriority } from 'node:os';
import { join } from 'node:path';
import { encodeDeltaIndex, indexDelta, isUpdaterError, nodeFileSystem } from '@remendo/core';
import { buildDelta, remendoPatchMaker } from '@remendo/core/publish';
import type { BuildJob, BuildMessage, BuildResult } from './build-job.js';
import { extractContents } from './extract-contents.js';

/** Terminals are answered first; and when memory runs out, Linux ends this process rather than the server. */
async function takeLowPriority(): Promise<void> {
  try {
    setPriority(0, 10);
  } catch {
    // Some systems do not let a process do so; it builds all the same.
  }
  if (process.platform === 'linux') await writeFile('/proc/self/oom_score_adj', '1000').catch(() => {});
}

async function build(workFolder: string): Promise<void> {
  const job = JSON.parse(await readFile(join(workFolder, 'job.json'), 'utf8')) as BuildJob;
  const baseFolder = join(workFolder, 'base');
  const targetFolder = join(workFolder, 'target');
  const packFolder = join(workFolder, 'pack');
  await extractContents(job.base, baseFolder);
  await extractContents(job.target, targetFolder);
  await mkdir(packFolder, { recursive: true });
  const built = await buildDelta({
    fileSystem: nodeFileSystem(),
    base: { manifest: job.base.manifest, pathOf: (sha256) => join(baseFolder, sha256) },
    target: { manifest: job.target.manifest, pathOf: (sha256) => join(targetFolder, sha256) },
    makers: [remendoPatchMaker({ profile: job.profile, workers: job.concurrency })],
    known: job.known,
    workFolder: packFolder,
    concurrency: job.concurrency,
  });
  await writeFile(join(workFolder, 'index'), encodeDeltaIndex(indexDelta(built.delta)));
  const result: BuildResult = { derivations: built.delta.derivations, pack: built.pack, notices: built.notices };
  await writeFile(join(workFolder, 'result.json'), JSON.stringify(result));
}

async function main(): Promise<void> {
  // The server ended: nobody waits for the result. An exit would wait for the threads that make patches.
  process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
  await takeLowPriority();
  const message: BuildMessage = await build(process.argv[2] ?? '').then(
    () => ({ kind: 'built' as const }),
    (error: unknown) => ({
      kind: 'failed' as const,
      code: isUpdaterError(error) ? error.code : ('SERVER_FAILED' as const),
      message: error instanceof Error ? error.message : String(error),
    }),
  );
  process.send?.(message, undefined, undefined, () => process.exit(0));
}

await main();
