/** The built server with releases, customers and rollouts on it, as its operator sets it up. */
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { cliMain, type ListeningProgram, listen, runJson, serverMain } from './programs.js';

const token = 'measuring-token-for-loopback-only';
export const application = 'erp';

/** No limit is near, and all of them are counted. */
const farLimits = ['--checks-per-minute', '1000000', '--requests-per-minute', '1000000', '--sign-ins-per-minute', '1000000'];

export interface MeasuredServer extends ListeningProgram {
  readonly token: string;
  readonly folder: string;
  /** As the operator. @returns the answer's body. @throws Error for anything but 2xx. */
  call<Answer>(method: 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE', path: string, body?: object): Promise<Answer>;
  /** Resolves when all deltas to it are built. */
  publish(version: string, files: ReadonlyMap<string, Uint8Array>): Promise<PublishedRelease>;
  /** Headers of a new customer with room for any number of terminals. */
  newCustomer(): Promise<CustomerKey>;
}

export interface PublishedRelease {
  readonly zipDigest: string;
  readonly zipBytes: number;
  readonly deltas: readonly { readonly baseVersion: string; readonly bytes: number | null }[];
}

export interface CustomerKey {
  readonly code: string;
  readonly key: string;
  readonly secret: string;
  /** The public part of the key. */
  readonly prefix: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** @param args beside the data folder, a free port and limits that are far away. */
export async function startMeasuredServer(
  folder: string,
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<MeasuredServer> {
  const program = await listen([serverMain, '--data', folder, '--port', '0', '--log-level', 'warn', ...farLimits, ...args], {
    REMENDO_TOKEN: token,
    ...env,
  });
  const call: MeasuredServer['call'] = (method, path, body) => callServer(program.url, method, path, body);
  return {
    ...program,
    token,
    folder,
    call,
    publish: (version, files) => publish(program.url, version, files),
    newCustomer: () => newCustomer(call),
  };
}

async function callServer<Answer>(url: string, method: string, path: string, body?: object): Promise<Answer> {
  const answer = await fetch(url + path, {
    method,
    headers: { authorization: `Bearer ${token}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path} was answered ${answer.status}: ${text}`);
  return (text === '' ? null : JSON.parse(text)) as Answer;
}

interface PublishDocument {
  readonly release: {
    readonly zip_digest: string;
    readonly zip_bytes: number;
    readonly deltas: readonly { readonly base_version: string; readonly bytes: number | null }[];
  };
}

async function publish(url: string, version: string, files: ReadonlyMap<string, Uint8Array>): Promise<PublishedRelease> {
  return withTemporaryFolder(async (folder) => {
    for (const [path, bytes] of files) {
      await mkdir(join(folder, path, '..'), { recursive: true });
      await writeFile(join(folder, path), bytes);
    }
    const args = [cliMain, 'publish', folder, '--server', url, '--application', application, '--release', version];
    const { value } = await runJson<PublishDocument>([...args, '--wait', '--json'], { REMENDO_TOKEN: token });
    const { zip_digest, zip_bytes, deltas } = value.release;
    const sizes = deltas.map(({ base_version, bytes }) => ({ baseVersion: base_version, bytes }));
    return { zipDigest: zip_digest, zipBytes: zip_bytes, deltas: sizes };
  });
}

let customers = 0;

async function newCustomer(call: MeasuredServer['call']): Promise<CustomerKey> {
  customers += 1;
  const made = await call<{ customer: { code: string }; api_key: string; api_secret: string }>('POST', '/api/v1/customers', {
    email: `fleet-${customers}@example.com`,
    first_name: 'Fleet',
    last_name: String(customers),
    service_level: 'enterprise',
  });
  const { api_key: key, api_secret: secret } = made;
  const headers = { authorization: `Bearer ${key}`, 'x-api-secret': secret };
  return { code: made.customer.code, key, secret, prefix: key.split('_')[1] ?? '', headers };
}

/** A new folder that is gone afterwards, whatever happens. */
export async function withTemporaryFolder<Value>(use: (folder: string) => Promise<Value>): Promise<Value> {
  const folder = await mkdtemp(join(tmpdir(), 'remendo-bench-'));
  try {
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** The same noise for the same name: nothing in it can be compressed. */
export function noise(name: string, bytes: number): Buffer {
  const made = Buffer.alloc(Math.ceil(bytes / 32) * 32);
  for (let offset = 0; offset < made.length; offset += 32)
    createHash('sha256').update(`${name} ${offset}`).digest().copy(made, offset);
  return made.subarray(0, bytes);
}
