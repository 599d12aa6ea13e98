/** One patch, from files to a file, by one worker of a terminal that is alone in its process. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CodecName, ContentFile, DeriveJob, Digest } from '@remendo/core';
import { inChild } from './report/measured-child.js';
import type { Usage } from './report/usage.js';

interface OnePatch {
  readonly codec: CodecName;
  readonly path: string;
  readonly base: ContentFile;
  readonly target: ContentFile;
}

export interface AppliedPatch {
  /** Of the patch. */
  readonly bytes: number;
  readonly apply: Usage;
  /** Whether what came out is the target; nothing of it is left. */
  readonly exact: boolean;
}

/** @param folder for what is needed meanwhile. */
export async function applyOnePatch({ codec, path, base, target }: OnePatch, folder: string): Promise<AppliedPatch> {
  const { size: bytes } = await stat(path);
  const made: ContentFile = { ...target, path: join(folder, 'made') };
  const job: DeriveJob = {
    how: { kind: 'patch', codec },
    blob: { path, offset: 0, bytes, sha256: await digestOfFile(path) },
    bases: [base],
    targets: [made],
  };
  const jobsPath = join(folder, 'jobs.json');
  await writeFile(jobsPath, JSON.stringify([job]));
  const { answer, usage } = await inChild<{ answer: { ok: boolean }; usage: Usage }>('derive-alone.js', jobsPath);
  const exact = answer.ok && (await digestOfFile(made.path)) === target.sha256;
  await rm(made.path, { force: true });
  return { bytes, apply: usage, exact };
}

async function digestOfFile(path: string): Promise<Digest> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Uint8Array);
  return hash.digest('hex') as Digest;
}
