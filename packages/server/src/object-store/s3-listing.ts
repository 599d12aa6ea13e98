/** What lies in the bucket: whole objects, and uploads that were never ended. */
import { AbortMultipartUploadCommand, ListMultipartUploadsCommand, paginateListObjectsV2 } from '@aws-sdk/client-s3';
import { digestOfName, objectsFolder } from './object-name.js';
import type { ListedObject } from './object-store.js';
import type { S3Place } from './s3-client.js';
import { s3Failure } from './s3-errors.js';

export async function* listObjects({ client, bucket, prefix }: S3Place): AsyncGenerator<ListedObject, void> {
  try {
    for await (const page of paginateListObjectsV2({ client }, { Bucket: bucket, Prefix: `${prefix}${objectsFolder}/` })) {
      for (const { Key = '', Size: bytes = 0, LastModified: storedAt } of page.Contents ?? []) {
        const digest = digestOfName(Key.slice(prefix.length));
        if (digest !== null && storedAt !== undefined) yield { digest, bytes, storedAt };
      }
    }
  } catch (error) {
    throw s3Failure('the objects can not be listed', error);
  }
}

/** Parts that were sent are kept, unseen and paid for, until their upload is ended one way or the other. */
export async function abortUploads({ client, bucket, prefix }: S3Place, before: Date): Promise<void> {
  let from: { KeyMarker?: string | undefined; UploadIdMarker?: string | undefined } | null = {};
  while (from !== null) {
    const page = await listUploads({ client, bucket, prefix }, from);
    for (const { Key, UploadId, Initiated } of page.Uploads ?? []) {
      if (Initiated === undefined || Initiated >= before) continue;
      await client.send(new AbortMultipartUploadCommand({ Bucket: bucket, Key, UploadId }));
    }
    from = page.IsTruncated ? { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker } : null;
  }
}

const listUploads = ({ client, bucket, prefix }: S3Place, from: object) =>
  client.send(new ListMultipartUploadsCommand({ Bucket: bucket, Prefix: prefix, ...from }));
