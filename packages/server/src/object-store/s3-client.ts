import { S3Client } from '@aws-sdk/client-s3';

export interface S3StoreOptions {
  readonly bucket: string;
  /** Everything lies below it, and all below it is the store's own: `remendo/`. Default '', the whole bucket. */
  readonly prefix?: string | undefined;
  /** Default: what AWS's own configuration says; with an endpoint us-east-1. */
  readonly region?: string | undefined;
  /**
   * `https://s3.example.com`, of a store that is not AWS. Presigned URLs lead there too: terminals have to reach it when
   * they are sent to them.
   */
  readonly endpoint?: string | undefined;
  /** The bucket is named in the path instead of the host. Default: with an endpoint. */
  readonly forcePathStyle?: boolean | undefined;
  /** Default: AWS's chain (environment, profile, role of the machine). */
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string } | undefined;
}

/** Where a store's requests go. */
export interface S3Place {
  readonly client: S3Client;
  readonly bucket: string;
  /** Empty, or ends with a slash. */
  readonly prefix: string;
}

export function openS3Place(options: S3StoreOptions): S3Place {
  const prefix = (options.prefix ?? '').replace(/^\/+|\/+$/g, '');
  return { client: openClient(options), bucket: options.bucket, prefix: prefix === '' ? '' : `${prefix}/` };
}

function openClient(options: S3StoreOptions): S3Client {
  // Clients look at it when they are made; they would warn on standard error of what they mean to drop some day.
  process.env.AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED ??= 'true';
  const { endpoint, credentials } = options;
  const region = options.region ?? (endpoint === undefined ? undefined : 'us-east-1');
  return new S3Client({
    ...(region === undefined ? {} : { region }),
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(credentials === undefined ? {} : { credentials }),
    forcePathStyle: options.forcePathStyle ?? endpoint !== undefined,
    // Stores that are not AWS refuse the trailers it would send; the signature has the SHA-256 of what is sent either way.
    ...(endpoint === undefined ? {} : { requestChecksumCalculation: 'WHEN_REQUIRED' }),
    // Objects are verified by their digest, by whoever uses them.
    responseChecksumValidation: 'WHEN_REQUIRED',
    // The SDK's own standard: three attempts, with growing pauses.
    maxAttempts: 3,
    requestHandler: {
      connectionTimeout: 5_000,
      // Of silence. A transfer that goes on may take as long as it needs.
      socketTimeout: 60_000,
      // Each download that is streamed to a slow terminal holds one.
      httpAgent: { maxSockets: 1_000 },
      httpsAgent: { maxSockets: 1_000 },
    },
  });
}
