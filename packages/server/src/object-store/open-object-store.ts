import { DiskObjectStore } from './disk-object-store.js';
import type { ObjectStore } from './object-store.js';
import type { S3StoreOptions } from './s3-client.js';

export type ObjectStoreOptions =
  | {
      readonly kind: 'disk';
      /** Objects, readable names and, while they are written, both lie below it. */
      readonly folder: string;
    }
  | ({ readonly kind: 's3' } & S3StoreOptions);

/** Nothing is looked at yet: `ready` says whether the store answers. */
export async function openObjectStore(options: ObjectStoreOptions): Promise<ObjectStore> {
  if (options.kind === 'disk') return new DiskObjectStore(options.folder);
  // The SDK is large, and takes a while to load.
  const { S3ObjectStore } = await import('./s3-object-store.js');
  return new S3ObjectStore(options);
}
