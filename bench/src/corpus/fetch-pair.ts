import { type ExecFileOptions, execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { type CorpusPair, isFetched, markerOf, pairFolder } from './corpus.js';

export type FetchOutcome = { readonly kind: 'fetched' | 'kept' } | { readonly kind: 'missing'; readonly reason: string };

/**
 * Afterwards `base` and `target` of the pair's folder hold plain files, unless it is missing; a fetched pair is kept.
 * @param signal when it is aborted, what is not there yet is missing.
 */
export async function fetchPair(pair: CorpusPair, corpusFolder: string, signal?: AbortSignal): Promise<FetchOutcome> {
  if (await isFetched(corpusFolder, pair)) return { kind: 'kept' };
  const { base, target, marker } = pairFolder(corpusFolder, pair);
  await rm(dirname(marker), { recursive: true, force: true });
  try {
    await fetchRelease(pair, 'base', { folder: base, signal });
    await fetchRelease(pair, 'target', { folder: target, signal });
  } catch (error) {
    await rm(dirname(marker), { recursive: true, force: true });
    return { kind: 'missing', reason: (error as Error).message };
  }
  await writeFile(marker, markerOf(pair));
  return { kind: 'fetched' };
}

interface Place {
  readonly folder: string;
  readonly signal: AbortSignal | undefined;
}

async function fetchRelease(pair: CorpusPair, side: 'base' | 'target', { folder, signal }: Place): Promise<void> {
  const { origin, name, integrity, [side]: version } = pair;
  await mkdir(folder, { recursive: true });
  const downloads = await mkdtemp(join(tmpdir(), 'remendo-corpus-'));
  try {
    if (origin === 'npm')
      await npm(['pack', `${name}@${version}`, '--loglevel=error', '--pack-destination', downloads], { signal });
    else await run('apt-get', ['download', `${name}=${version}`], { cwd: downloads, signal });
    const file = await onlyFile(downloads);
    if (integrity !== undefined) await assertIntegrity(file, integrity[side]);
    if (origin === 'npm') await run('tar', ['-xzf', file, '-C', folder, '--strip-components=1', '--no-same-owner']);
    else await run('dpkg-deb', ['-x', file, folder]);
    await removeLinks(folder);
  } finally {
    await rm(downloads, { recursive: true, force: true });
  }
}

/** @throws Error for another file than the corpus was measured with. */
export async function assertIntegrity(file: string, integrity: string): Promise<void> {
  const digest = createHash('sha512');
  for await (const chunk of createReadStream(file)) digest.update(chunk as Buffer);
  const found = `sha512-${digest.digest('base64')}`;
  if (found !== integrity) throw new Error(`the package file is ${found} instead of ${integrity}`);
}

/** On Windows npm is a batch file, which can not be started without a shell; its program lies beside Node. */
const npm = (args: readonly string[], options: RunOptions): Promise<void> =>
  process.platform === 'win32'
    ? run(process.execPath, [join(dirname(process.execPath), 'node_modules', 'npm', 'bin', 'npm-cli.js'), ...args], options)
    : run('npm', args, options);

type RunOptions = Pick<ExecFileOptions, 'cwd' | 'signal'>;

async function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<void> {
  try {
    await promisify(execFile)(command, args, { ...options, maxBuffer: 64 * 1024 * 1024 });
  } catch (cause) {
    const { code, stderr = '' } = cause as { readonly code?: string | number; readonly stderr?: string };
    if (options.signal?.aborted === true) throw new Error('it took too long', { cause });
    if (code === 'ENOENT') throw new Error(`${command} is not installed`, { cause });
    const said = stderr.trim().split('\n').slice(0, 2).join(', ');
    throw new Error(`${command} ended with ${code}${said === '' ? '' : `: ${said}`}`, { cause });
  }
}

async function onlyFile(folder: string): Promise<string> {
  const [name, ...others] = await readdir(folder);
  if (name === undefined || others.length > 0) throw new Error('the download is not one file');
  return join(folder, name);
}

/** Releases are plain files. */
async function removeLinks(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true }))
    if (entry.isSymbolicLink()) await unlink(join(entry.parentPath, entry.name));
}
