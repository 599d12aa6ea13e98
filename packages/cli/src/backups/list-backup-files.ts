/**
 * The files of a job, newest first. Names are taken as the bytes that they are, so that a file whose name is no UTF-8 is found
 * and opened like any other. Links are not followed, neither to files nor to folders: what lies elsewhere is no backup here. The
 * folder itself may be a link or a share.
 *
 * Memory is bounded whatever the folder holds: of all files that match there are counts, and the newest few by name.
 */
import type { Dirent, Stats } from 'node:fs';
import { lstat, opendir } from 'node:fs/promises';
import { sep, toNamespacedPath } from 'node:path';
import picomatch from 'picomatch';
import { type Finding, finding } from './finding.js';

export interface BackupFile {
  /** Below the folder, with `/`. */
  readonly name: string;
  /** As the system wants it. */
  readonly path: Buffer;
  readonly bytes: number;
  readonly modifiedMs: number;
}

/** The path as programs and people know it: without what Windows has before it for itself. */
export const plainPath = (path: Buffer): string =>
  path.toString().replace(/^\\\\\?\\(UNC\\)?/, (_, share: string | undefined) => (share === undefined ? '' : '\\\\'));

export interface BackupListing {
  /** All that match. */
  readonly count: number;
  readonly totalBytes: number;
  /** The newest of them by their own times, at most `filesKept`. */
  readonly files: readonly BackupFile[];
}

export interface ListOptions {
  readonly folder: string;
  readonly files: string;
  readonly signal: AbortSignal;
  /** Above this nothing is said of the folder; default 200 000. */
  readonly entriesMax?: number;
  /** Called for each entry. */
  readonly onEntry?: () => void;
}

export const filesKept = 500;
const entriesMaxDefault = 200_000;
const foldersDeepMax = 16;
const together = 32;

/** Beside backups, and none themselves. */
const besides =
  /(?:^|\/)(?:desktop\.ini|thumbs\.db|(?:md5|sha1|sha256|sha512)sums(?:\.txt)?)$|\.(?:md5|sha1|sha256|sha512)(?:sum)?$|\.(?:tmp|part|partial|crdownload|filepart)$/i;

/** What systems and shares keep for themselves: some of it nobody may read, and what was thrown away is no backup any more. */
const systemFolders = /^(?:system volume information|\$recycle\.bin|#recycle|#snapshot|@eadir|@recycle|lost\+found)$/i;

/** What the system says of a folder that is not there, or on a machine that is not. */
const awayCodes: readonly string[] = [
  ...['ENOENT', 'ENOTDIR', 'ENODEV', 'ENXIO', 'ESTALE', 'ENOTCONN', 'EHOSTDOWN', 'EHOSTUNREACH', 'ENETDOWN', 'ENETUNREACH'],
  ...['ECONNREFUSED', 'ECONNRESET', 'ECONNABORTED', 'ETIMEDOUT'],
];

export const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? '';

/** @returns what keeps anybody from seeing what the folder holds, or what it holds. @throws the signal's reason. */
export async function listBackupFiles(options: ListOptions): Promise<BackupListing | Finding> {
  const { folder, files, signal, entriesMax = entriesMaxDefault, onEntry = () => undefined } = options;
  const walk = new Walk(files, { entriesMax, signal, onEntry });
  try {
    // Windows finds longer paths than 260 characters by that form only, and Node gives it to paths that are text alone.
    await walk.enter(Buffer.from(toNamespacedPath(folder)), '', 0);
    return walk.listing();
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof TooMany) return finding('folder_too_large', { folder, entries: entriesMax });
    const code = codeOf(error);
    if (code === '') throw error;
    if (error instanceof UnreadableBelow) return finding('folder_unreadable', { folder: error.folder, why: code });
    return awayCodes.includes(code)
      ? finding('folder_missing', { folder, why: code })
      : finding('folder_unreadable', { folder, why: code });
  }
}

class TooMany extends Error {}

class UnreadableBelow extends Error {
  constructor(
    readonly folder: string,
    readonly code: string,
  ) {
    super(code);
  }
}

class Walk {
  #entries = 0;
  #count = 0;
  #totalBytes = 0;
  #kept: BackupFile[] = [];
  readonly #isDeep: boolean;
  /** Whether the glob names folders that begin with a dot; others of these hold nothing that it matches. */
  readonly #hasDots: boolean;
  readonly #matches: (name: string) => boolean;

  constructor(
    glob: string,
    private readonly options: Required<Pick<ListOptions, 'entriesMax' | 'signal' | 'onEntry'>>,
  ) {
    const isMatch = picomatch(glob.normalize('NFC'), { nocase: process.platform === 'win32' });
    this.#matches = (name) => isMatch(name.normalize('NFC')) && !besides.test(name);
    this.#isDeep = glob.includes('/');
    this.#hasDots = /(?:^|[/{(|,![])\\?\./.test(glob);
  }

  /** @param name of the folder below the job's, with a `/` behind it. */
  async enter(path: Buffer, name: string, depth: number): Promise<void> {
    const folders: Buffer[] = [];
    let files: Buffer[] = [];
    // The types know names as bytes for `readdir` only.
    const entries = (await opendir(path, { encoding: 'buffer' as BufferEncoding })) as unknown as AsyncIterable<Dirent<Buffer>>;
    for await (const entry of entries) {
      this.options.signal.throwIfAborted();
      this.options.onEntry();
      this.#entries += 1;
      if (this.#entries > this.options.entriesMax) throw new TooMany();
      if (this.#isEntered(entry.name.toString(), depth) && (await isFolder(path, entry))) folders.push(entry.name);
      else if (!entry.isDirectory() && this.#matches(name + entry.name.toString())) files.push(entry.name);
      if (files.length >= together) await this.#look(path, name, files.splice(0));
    }
    await this.#look(path, name, files);
    files = [];
    for (const folder of folders) await this.#enterBelow(joined(path, folder), `${name}${folder.toString()}/`, depth + 1);
  }

  #isEntered(name: string, depth: number): boolean {
    return this.#isDeep && depth < foldersDeepMax && (this.#hasDots || !name.startsWith('.')) && !systemFolders.test(name);
  }

  /** A folder that has gone since it was listed holds nothing. */
  async #enterBelow(path: Buffer, name: string, depth: number): Promise<void> {
    await this.enter(path, name, depth).catch((error: unknown) => {
      const code = codeOf(error);
      if (code === 'ENOENT') return;
      const isOwn = ['EACCES', 'EPERM'].includes(code) && !(error instanceof UnreadableBelow);
      throw isOwn ? new UnreadableBelow(plainPath(path), code) : error;
    });
  }

  async #look(folder: Buffer, name: string, files: readonly Buffer[]): Promise<void> {
    const seen = await Promise.all(
      files.map(async (file) => {
        const path = joined(folder, file);
        const stats = await lstatOrNull(path);
        return stats?.isFile() ? [fileOf(name + file.toString(), path, stats)] : [];
      }),
    );
    for (const file of seen.flat()) {
      this.#count += 1;
      this.#totalBytes += file.bytes;
      this.#kept.push(file);
    }
    if (this.#kept.length > 2 * filesKept) this.#kept = newestFirst(this.#kept).slice(0, filesKept);
  }

  listing(): BackupListing {
    return { count: this.#count, totalBytes: this.#totalBytes, files: newestFirst(this.#kept).slice(0, filesKept) };
  }
}

const joined = (folder: Buffer, name: Buffer): Buffer =>
  Buffer.concat([folder, folder.at(-1) === sep.charCodeAt(0) ? Buffer.alloc(0) : Buffer.from(sep), name]);

/**
 * Windows lists what is deduplicated, or kept in a cloud too, like a link: what it is tells a second look, which a true link does not
 * pass.
 */
const isFolder = async (path: Buffer, entry: Dirent<Buffer>): Promise<boolean> =>
  entry.isDirectory() || (entry.isSymbolicLink() && (await lstatOrNull(joined(path, entry.name)))?.isDirectory() === true);

/** Null when it has gone, or cannot be looked at alone: the next check sees more. */
const lstatOrNull = (path: Buffer): Promise<Stats | null> => lstat(path).catch(() => null);

const fileOf = (name: string, path: Buffer, { size, mtimeMs }: Stats): BackupFile => ({
  name,
  path,
  bytes: size,
  modifiedMs: Math.round(mtimeMs),
});

const newestFirst = (files: readonly BackupFile[]): BackupFile[] =>
  files.toSorted((a, b) => b.modifiedMs - a.modifiedMs || (a.name < b.name ? -1 : 1));
