import { brotliCompressSync, deflateRawSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { EncodingName } from '../delta/delta.js';
import { hasCode, isUpdaterError, UpdaterError } from '../errors.js';
import { readSmallFile } from '../file-system/file-source.js';
import type { FileHandle, FileSystem } from '../file-system/file-system.js';
import { digestOf } from '../hash/digest.js';
import { edited, gzipOf, makeContainedPatchOf, prose } from '../testing/container-samples.js';
import { MemoryFileSystem } from '../testing/memory-file-system.js';
import { type DeriveJob, deriveContents } from './derive-contents.js';

const small = Buffer.from('a small content, a small content');
const large = Buffer.from('a large content, '.repeat(40_000));

const encode: Record<EncodingName, (content: Uint8Array) => Uint8Array> = {
  identity: (content) => content,
  deflate: (content) => deflateRawSync(content),
  brotli: (content) => brotliCompressSync(content),
};
const encodings = Object.keys(encode) as EncodingName[];

async function diskWith(path: string, bytes: Uint8Array): Promise<FileSystem> {
  const fileSystem = new MemoryFileSystem();
  await fileSystem.makeDirectory('/d');
  const handle = await fileSystem.open(path, 'create');
  await handle.write(0, bytes);
  await handle.close();
  return fileSystem;
}

interface Case {
  readonly encoding: EncodingName;
  readonly content: Uint8Array;
  /** Default: the content as its encoding has it. */
  readonly blob?: Uint8Array;
  /** In front of the blob in its file. */
  readonly before?: Uint8Array;
}

function jobFor({ encoding, content, blob = encode[encoding](content), before = new Uint8Array() }: Case): DeriveJob {
  return {
    how: { kind: 'whole', encoding },
    blob: { path: '/d/blob', offset: before.length, bytes: blob.length, sha256: digestOf(blob) },
    bases: [],
    targets: [{ path: '/d/target', sha256: digestOf(content), bytes: content.length }],
  };
}

async function derive(wanted: Case): Promise<Uint8Array | null> {
  const { blob = encode[wanted.encoding](wanted.content), before = new Uint8Array() } = wanted;
  const fileSystem = await diskWith('/d/blob', Buffer.concat([before, blob, Buffer.from('after it')]));
  await deriveContents(fileSystem, jobFor(wanted));
  return readSmallFile(fileSystem, '/d/target', large.length);
}

async function verdict(wanted: Case): Promise<string> {
  try {
    await derive(wanted);
    return 'accepted';
  } catch (error) {
    if (!isUpdaterError(error)) throw error;
    return error.code;
  }
}

describe.each(encodings)('a whole content stored as %s', (encoding) => {
  it.each([
    ['small', small],
    ['large', large],
    ['empty', new Uint8Array()],
  ])('is made (%s), wherever the blob lies in its file', async (_, content) => {
    const made = await derive({ encoding, content, before: Buffer.from('before it') });
    expect(Buffer.from(made ?? []).equals(content)).toBe(true);
  });

  it.each([
    ['small', small],
    ['large', large],
  ])('is refused when another comes out (%s)', async (_, content) => {
    const other = Buffer.from(content);
    other[5] = 0;
    const shorter = content.subarray(0, -1);
    const longer = Buffer.concat([content, Buffer.of(1)]);
    for (const wrong of [other, shorter, longer]) {
      expect(await verdict({ encoding, content, blob: encode[encoding](wrong) })).toBe('PATCH_TARGET_MISMATCH');
    }
  });
});

describe.each(['deflate', 'brotli'] as const)('a blob of %s', (encoding) => {
  it.each([
    ['small', small],
    ['large', large],
  ])('is refused when it is nonsense or cut (%s)', async (_, content) => {
    const good = encode[encoding](content);
    for (const blob of [Buffer.alloc(50, 0xff), good.subarray(0, good.length >> 1), new Uint8Array()]) {
      expect(await verdict({ encoding, content, blob })).toMatch(/PATCH_INVALID|PATCH_TARGET_MISMATCH/);
    }
  });

  it('is given up as soon as it makes more than announced', async () => {
    const fileSystem = await diskWith('/d/blob', encode[encoding](new Uint8Array(50_000_000)));
    const job = jobFor({ encoding, content: new Uint8Array(300_000), blob: encode[encoding](new Uint8Array(50_000_000)) });
    await expect(deriveContents(fileSystem, job)).rejects.toMatchObject({ code: 'PATCH_TARGET_MISMATCH' });
    expect((await fileSystem.stat('/d/target'))?.bytes).toBeLessThanOrEqual(300_000);
  });
});

/** A disk whose reads of the blob fail once all of it was read: that proves it. */
function failingReads(inner: FileSystem, error: Error): FileSystem {
  let readBytes = 0;
  return new Proxy(inner, {
    get(target, name: keyof FileSystem) {
      if (name !== 'open') return typeof target[name] === 'function' ? (target[name] as () => unknown).bind(target) : target[name];
      return async (path: string, mode: 'read'): Promise<FileHandle> => {
        const handle = await target.open(path, mode);
        if (path !== '/d/blob') return handle;
        const read = async (offset: number, into: Uint8Array): Promise<number> => {
          if (readBytes >= handle.bytes) throw error;
          const count = await handle.read(offset, into);
          readBytes += count;
          return count;
        };
        return { bytes: handle.bytes, close: () => handle.close(), read } as unknown as FileHandle;
      };
    },
  });
}

it.each(encodings)('an error of the disk passes through while %s is decoded', async (encoding) => {
  const error = new UpdaterError('STORAGE_FAILED', 'the disk is gone');
  const fileSystem = failingReads(await diskWith('/d/blob', encode[encoding](large)), error);
  await expect(deriveContents(fileSystem, jobFor({ encoding, content: large }))).rejects.toBe(error);
});

it('a blob that is not what was announced is not decoded', async () => {
  const job = jobFor({ encoding: 'brotli', content: small });
  const fileSystem = await diskWith('/d/blob', Buffer.alloc(job.blob.bytes));
  const error = await deriveContents(fileSystem, job).catch((reason: unknown) => reason);
  expect(hasCode(error, 'DOWNLOAD_DIGEST_MISMATCH')).toBe(true);
});

it('a blob is proved and decoded by one handle: nobody can put another file in its place in between', async () => {
  const disk = await diskWith('/d/blob', encode.brotli(large));
  const opened: string[] = [];
  const watching = new Proxy(disk, {
    get(target, name: keyof FileSystem) {
      if (name === 'open') return (path: string, mode: 'read') => target.open(opened.push(path) > 0 ? path : '', mode);
      return typeof target[name] === 'function' ? (target[name] as () => unknown).bind(target) : target[name];
    },
  });
  await deriveContents(watching, jobFor({ encoding: 'brotli', content: large }));
  expect(opened.filter((path) => path === '/d/blob')).toHaveLength(1);
});

it('an abort ends a derivation', async () => {
  const fileSystem = await diskWith('/d/blob', encode.brotli(large));
  const abort = new AbortController();
  abort.abort(new Error('enough'));
  await expect(deriveContents(fileSystem, jobFor({ encoding: 'brotli', content: large }), abort.signal)).rejects.toThrow('enough');
});

it('a patch that sees through containers finds room beside its targets, and leaves nothing there', async () => {
  const [base, target] = [gzipOf(prose(9_000, 1)), gzipOf(edited(prose(9_000, 1), 0.5))];
  const patch = makeContainedPatchOf({ bases: [base], targets: [target] });
  const fileSystem = await diskWith('/d/blob', patch);
  const handle = await fileSystem.open('/d/base', 'create');
  await handle.write(0, base);
  await handle.close();
  const seen = new Set<string>();
  const watching = new Proxy(fileSystem, {
    get(disk, name: keyof FileSystem) {
      if (name === 'open') return (path: string, mode: 'read') => disk.open(seen.add(path) && path, mode);
      return typeof disk[name] === 'function' ? (disk[name] as () => unknown).bind(disk) : disk[name];
    },
  });
  const contentOf = (path: string, bytes: Uint8Array) => ({ path, sha256: digestOf(bytes), bytes: bytes.length });
  await deriveContents(watching, {
    how: { kind: 'patch', codec: 'remendo+containers' },
    blob: { path: '/d/blob', offset: 0, bytes: patch.length, sha256: digestOf(patch) },
    bases: [contentOf('/d/base', base)],
    targets: [contentOf('/d/target', target)],
  });
  expect(await readSmallFile(fileSystem, '/d/target', target.length)).toEqual(new Uint8Array(target));
  expect([...seen].filter((path) => path.startsWith('/d/target.scratch-'))).toHaveLength(2);
  expect(await fileSystem.list('/d')).toEqual(['base', 'blob', 'target']);
});
