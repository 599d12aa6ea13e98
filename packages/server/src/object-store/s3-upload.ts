/**
 * Sends an object in parts, and hashes what it sends on the way: the request that makes the parts an object is the last
 * one, and it is not sent when the digest is wrong. So the object is never visible with other bytes, and the file is read
 * once. Memory: `partBytes` × `partsAtOnce`.
 */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { Upload } from '@aws-sdk/lib-storage';
import type { Digest } from '@remendo/core';
import { objectName } from './object-name.js';
import type { ObjectBytes } from './object-store.js';
import type { S3Place } from './s3-client.js';
import { statusOf } from './s3-errors.js';
import { verifiedChunks } from './verify-bytes.js';

/** S3's own: parts are numbered up to this. */
const partsMax = 10_000;
const partsAtOnce = 4;
const attemptsMax = 3;

export interface UploadOptions {
  readonly place: S3Place;
  readonly digest: Digest;
  readonly bytes: number;
  /** At least 5 MiB; what is no larger goes in one request. */
  readonly partBytes: number;
  /** The object is kept when one is there by the time the upload is through. */
  readonly onlyIfMissing: boolean;
}

export const sizeOf = async (from: ObjectBytes): Promise<number> =>
  from.kind === 'buffer' ? from.buffer.length : (await stat(from.path)).size;

/** The bytes to send, read anew each time; the last chunk is followed by DOWNLOAD_DIGEST_MISMATCH when they are not the object. */
export async function* readChunks(digest: Digest, from: ObjectBytes): AsyncGenerator<Uint8Array, void> {
  const chunks = from.kind === 'buffer' ? [from.buffer] : createReadStream(from.path, { highWaterMark: 1024 * 1024 });
  yield* verifiedChunks(chunks, digest);
}

/**
 * When this throws, no object was made and no parts are left, unless the store could not be told to drop them:
 * `removeUnfinished` does then.
 */
export async function uploadObject(from: ObjectBytes, options: UploadOptions): Promise<'stored' | 'was_there'> {
  for (let attempt = 1; ; attempt++) {
    try {
      await uploadOnce(from, options);
      return 'stored';
    } catch (error) {
      const status = statusOf(error);
      if (status === 412 && options.onlyIfMissing) return 'was_there';
      // Another upload of it, or its removal, ended at the same moment: S3 wants it tried again.
      if (status !== 409 || attempt === attemptsMax) throw error;
    }
  }
}

async function uploadOnce(from: ObjectBytes, options: UploadOptions): Promise<void> {
  const { client, bucket, prefix } = options.place;
  const body = Readable.from(readChunks(options.digest, from));
  const upload = new Upload({
    client,
    queueSize: partsAtOnce,
    partSize: Math.max(options.partBytes, Math.ceil(options.bytes / partsMax)),
    params: {
      Bucket: bucket,
      Key: prefix + objectName(options.digest),
      Body: body,
      ContentType: 'application/octet-stream',
      // For a CDN that reads the bucket by itself and knows who may have what.
      CacheControl: 'public, max-age=31536000, immutable, no-transform',
      ...(options.onlyIfMissing ? { IfNoneMatch: '*' } : {}),
    },
  });
  try {
    await upload.done();
  } finally {
    body.destroy();
  }
}
