/**
 * The S3 server that tests run against: `REMENDO_TEST_S3=http://key:secret@127.0.0.1:7480/bucket`, which
 * `scripts/start-s3.sh` starts and prints. Everybody gets a place of their own in the bucket.
 */
import { randomUUID } from 'node:crypto';
import type { ObjectStore } from './object-store.js';
import { openObjectStore } from './open-object-store.js';
import type { S3StoreOptions } from './s3-client.js';

export interface TestS3 extends S3StoreOptions {
  readonly endpoint: string;
  readonly prefix: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

/** Undefined when no server is named. */
export function testS3(): TestS3 | undefined {
  const text = process.env.REMENDO_TEST_S3;
  if (text === undefined || text === '') return undefined;
  const url = new URL(text);
  return {
    endpoint: url.origin,
    bucket: url.pathname.slice(1),
    prefix: `test-${randomUUID()}/`,
    credentials: { accessKeyId: decodeURIComponent(url.username), secretAccessKey: decodeURIComponent(url.password) },
  };
}

export const openTestS3 = (options: TestS3): Promise<ObjectStore> => openObjectStore({ kind: 's3', ...options });
