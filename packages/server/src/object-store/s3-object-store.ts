/**
 * Objects in a bucket of S3 or of a store that speaks it, under the names that they have on disk. Below the prefix the
 * bucket is ours. Needed: s3:GetObject, PutObject, DeleteObject, AbortMultipartUpload, and on the bucket ListBucket
 * (without it a missing object answers 403) and ListBucketMultipartUploads.
 *
 * No lock: puts are conditional, and where a store does not know conditions for uploads in parts, two at the same time
 * write the same bytes twice. Loaded by `open-object-store.ts` alone: a server on a disk does without the SDK.
 */
import { open, rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  type HeadObjectCommandOutput,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { type Digest, UpdaterError } from '@remendo/core';
import { objectName } from './object-name.js';
import type { ListedObject, ObjectBytes, ObjectRange, ObjectStore, OpenObject, PresignOptions } from './object-store.js';
import { openResumingStream, type Window } from './resuming-stream.js';
import { openS3Place, type S3Place, type S3StoreOptions } from './s3-client.js';
import { copyInStore } from './s3-copy.js';
import { isNoSuchKey, noSuchObject, orS3Failure, s3Failure, statusOf } from './s3-errors.js';
import { abortUploads, listObjects } from './s3-listing.js';
import { readChunks, sizeOf, type UploadOptions, uploadObject } from './s3-upload.js';
import { verifiedChunks } from './verify-bytes.js';

export interface S3Limits {
  /** Of an upload: this much four times over is held in memory. Objects of more than 10,000 parts get larger ones. */
  readonly partBytes: number;
  /** Of a copy inside the store, which holds nothing here. S3's own limit. */
  readonly copyPartBytes: number;
  readonly readyMsMax: number;
}

const defaultLimits: S3Limits = { partBytes: 8 * 1024 ** 2, copyPartBytes: 5 * 1024 ** 3, readyMsMax: 5_000 };

export class S3ObjectStore implements ObjectStore {
  readonly #place: S3Place;
  readonly #client: S3Client;

  constructor(
    options: S3StoreOptions,
    private readonly limits: S3Limits = defaultLimits,
  ) {
    this.#place = openS3Place(options);
    this.#client = this.#place.client;
  }

  /** What every request names. */
  #at(name: string): { readonly Bucket: string; readonly Key: string } {
    return { Bucket: this.#place.bucket, Key: this.#place.prefix + name };
  }

  async put(digest: Digest, from: ObjectBytes): Promise<{ readonly bytes: number }> {
    return orS3Failure(`object ${digest} can not be stored`, async () => {
      const bytes = await sizeOf(from);
      // An object of another size is not the object: it is replaced.
      const held = await this.stat(digest);
      if (held?.bytes === bytes) for await (const _ of readChunks(digest, from));
      else await this.#upload(digest, from, { bytes, onlyIfMissing: held === null });
      return { bytes };
    });
  }

  async #upload(digest: Digest, from: ObjectBytes, how: Pick<UploadOptions, 'bytes' | 'onlyIfMissing'>): Promise<void> {
    const outcome = await uploadObject(from, { place: this.#place, digest, partBytes: this.limits.partBytes, ...how });
    if (outcome === 'was_there' && (await this.stat(digest))?.bytes !== how.bytes)
      throw new UpdaterError('STORAGE_FAILED', `object ${digest} came and went, or is another one, while it was stored`);
  }

  async stat(digest: Digest): Promise<{ readonly bytes: number } | null> {
    const head = await this.#head(objectName(digest));
    return head === null ? null : { bytes: head.ContentLength ?? 0 };
  }

  #head(name: string): Promise<HeadObjectCommandOutput | null> {
    return orS3Failure(`${name} can not be read`, async () => {
      try {
        return await this.#client.send(new HeadObjectCommand(this.#at(name)));
      } catch (error) {
        if (statusOf(error) === 404) return null;
        throw error;
      }
    });
  }

  async #statExisting(digest: Digest): Promise<{ readonly bytes: number }> {
    const held = await this.stat(digest);
    if (held === null) throw noSuchObject(digest);
    return held;
  }

  async openStream(digest: Digest, range?: ObjectRange): Promise<Readable> {
    const toError = (error: unknown) =>
      isNoSuchKey(error) ? noSuchObject(digest) : s3Failure(`object ${digest} can not be read`, error);
    if (range?.bytes === 0) {
      // HTTP has no empty range.
      await this.#statExisting(digest);
      return Readable.from([]);
    }
    return openResumingStream((window) => this.#get(digest, window), range, { toError });
  }

  async #get(digest: Digest, window: Window | undefined): Promise<{ body: Readable; window: Window }> {
    const range = window === undefined ? {} : { Range: `bytes=${window.offset}-${window.offset + window.bytes - 1}` };
    const answer = await this.#client.send(new GetObjectCommand({ ...this.#at(objectName(digest)), ...range }));
    const [body, bytes = 0] = [answer.Body as Readable, answer.ContentLength];
    if (window === undefined || window.bytes === bytes) return { body, window: window ?? { offset: 0, bytes } };
    body.destroy();
    throw new UpdaterError('STORAGE_FAILED', `the store answered ${bytes} bytes of object ${digest} for ${window.bytes}`);
  }

  async openSource(digest: Digest): Promise<OpenObject> {
    const { bytes } = await this.#statExisting(digest);
    const read = async (offset: number, into: Uint8Array): Promise<number> => {
      const wanted = Math.max(0, Math.min(into.length, bytes - offset));
      let count = 0;
      if (wanted === 0) return count;
      for await (const chunk of await this.openStream(digest, { offset, bytes: wanted })) {
        into.set(chunk, count);
        count += chunk.length;
      }
      return count;
    };
    return { bytes, read, close: async () => {} };
  }

  /** What arrives is verified: it may have come a long way. */
  async materialize(digest: Digest, path: string): Promise<void> {
    await orS3Failure(`object ${digest} can not be copied`, async () => {
      const file = await open(path, 'wx');
      try {
        const stream = await this.openStream(digest);
        await pipeline(stream, (chunks) => verifiedChunks(chunks, digest), file.createWriteStream());
      } catch (error) {
        await file.close();
        await rm(path, { force: true });
        throw error;
      }
    });
  }

  /** For GET alone: a HEAD needs another signature. */
  async presign(digest: Digest, options: PresignOptions): Promise<string> {
    const disposition = options.fileName === undefined ? undefined : dispositionOf(options.fileName);
    const command = new GetObjectCommand({
      ...this.#at(objectName(digest)),
      // The URL is the permission: nothing between may keep the bytes for others.
      ResponseCacheControl: 'private, max-age=31536000, immutable, no-transform',
      ResponseContentType: options.contentType ?? 'application/octet-stream',
      ...(disposition === undefined ? {} : { ResponseContentDisposition: disposition }),
    });
    return orS3Failure(`no URL can be signed for object ${digest}`, () =>
      getSignedUrl(this.#client, command, { expiresIn: options.seconds }),
    );
  }

  remove(digest: Digest): Promise<void> {
    return this.removeNamed(objectName(digest));
  }

  async removeNamed(name: string): Promise<void> {
    await orS3Failure(`${name} can not be removed`, () => this.#client.send(new DeleteObjectCommand(this.#at(name))));
  }

  list(): AsyncIterable<ListedObject> {
    return listObjects(this.#place);
  }

  async removeUnfinished(before: Date): Promise<void> {
    await orS3Failure('unfinished uploads can not be removed', () => abortUploads(this.#place, before));
  }

  async nameObject(name: string, digest: Digest): Promise<void> {
    const { bytes } = await this.#statExisting(digest);
    const named = await this.#head(name);
    // Every start of a server names all releases again.
    if (named?.Metadata?.[digestMetadata] === digest && named.ContentLength === bytes) return;
    await orS3Failure(`${name} can not be written`, () =>
      copyInStore(this.#place, {
        from: objectName(digest),
        to: name,
        bytes,
        partBytes: this.limits.copyPartBytes,
        headers: { ...headersOfName(name), Metadata: { [digestMetadata]: digest } },
      }),
    );
  }

  async writeNamed(name: string, bytes: Uint8Array): Promise<void> {
    await orS3Failure(`${name} can not be written`, () =>
      this.#client.send(new PutObjectCommand({ ...this.#at(name), Body: bytes, ...headersOfName(name) })),
    );
  }

  async ready(): Promise<void> {
    const abortSignal = AbortSignal.timeout(this.limits.readyMsMax);
    await orS3Failure(`bucket ${this.#place.bucket} does not answer`, () =>
      this.#client.send(new HeadBucketCommand({ Bucket: this.#place.bucket }), { abortSignal }),
    );
  }
}

/** Of a readable name: which object it leads to. */
const digestMetadata = 'remendo-digest';

/** What has a readable name may lead elsewhere tomorrow. */
function headersOfName(name: string) {
  const types: Readonly<Record<string, string>> = { json: 'application/json', zip: 'application/zip' };
  const extension = name.slice(name.lastIndexOf('.') + 1);
  return { ContentType: types[extension] ?? 'application/octet-stream', CacheControl: 'no-cache' };
}

const dispositionOf = (fileName: string): string => `attachment; filename="${fileName.replace(/[^\w.+-]/g, '_')}"`;
