/** Copies inside the store: the bytes do not come here. One request copies at most 5 GiB, so larger objects go in parts. */
import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3';
import type { S3Place } from './s3-client.js';

export interface CopyOptions {
  /** Names below the prefix. */
  readonly from: string;
  readonly to: string;
  readonly bytes: number;
  /** What one request may copy; 5 MiB to 5 GiB. */
  readonly partBytes: number;
  /** Of the copy; nothing is taken over. */
  readonly headers: {
    readonly ContentType: string;
    readonly CacheControl: string;
    readonly Metadata: Record<string, string>;
  };
}

/** What was at `to` is replaced at one stroke. When this throws, it is as it was. */
export async function copyInStore(place: S3Place, options: CopyOptions): Promise<void> {
  if (options.bytes > options.partBytes) return copyInParts(place, options);
  const source = { CopySource: sourceOf(place, options), MetadataDirective: 'REPLACE' } as const;
  await place.client.send(new CopyObjectCommand({ ...targetOf(place, options), ...source, ...options.headers }));
}

const sourceOf = ({ bucket, prefix }: S3Place, { from }: CopyOptions): string =>
  [bucket, ...(prefix + from).split('/')].map((part) => encodeURIComponent(part)).join('/');

const targetOf = ({ bucket, prefix }: S3Place, { to }: CopyOptions) => ({ Bucket: bucket, Key: prefix + to });

async function copyInParts(place: S3Place, options: CopyOptions): Promise<void> {
  const target = targetOf(place, options);
  const { UploadId } = await place.client.send(new CreateMultipartUploadCommand({ ...target, ...options.headers }));
  const upload = { ...target, UploadId };
  try {
    const Parts: CompletedPart[] = [];
    for (let offset = 0; offset < options.bytes; offset += options.partBytes) {
      const last = Math.min(offset + options.partBytes, options.bytes) - 1;
      const source = { CopySource: sourceOf(place, options), CopySourceRange: `bytes=${offset}-${last}` };
      const PartNumber = Parts.length + 1;
      const { CopyPartResult } = await place.client.send(new UploadPartCopyCommand({ ...upload, ...source, PartNumber }));
      Parts.push({ PartNumber, ETag: CopyPartResult?.ETag });
    }
    await place.client.send(new CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts } }));
  } catch (error) {
    // The first error is the one to tell; parts that stay are dropped by `removeUnfinished`.
    await place.client.send(new AbortMultipartUploadCommand(upload)).catch(() => {});
    throw error;
  }
}
