/** Servers as processes of their own that share one database of PostgreSQL and one place in a bucket of S3. */
import pg from 'pg';
import { vi } from 'vitest';
import { openTestS3, testS3 } from '../object-store/test-s3.test.support.js';
import { killPrograms, type ServerProgram, startProgram } from './server-program.js';
import { hasTestPostgres, newTestPostgres } from './test-postgres.test.support.js';
import { newDataFolder, removeFolder, testToken } from './test-server.js';

export const canShare = hasTestPostgres && testS3() !== undefined;

export interface SharedServers {
  /** Another server, in a folder of its own. */
  start(): Promise<ServerProgram>;
  query(text: string, values?: readonly unknown[]): Promise<readonly Record<string, unknown>[]>;
  /** Ends what runs, and leaves nothing. */
  remove(): Promise<void>;
}

/** @param args for every server. */
export async function openSharedServers(args: readonly string[] = []): Promise<SharedServers> {
  const s3 = testS3();
  if (s3 === undefined) throw new Error('no S3 server is named');
  const database = await newTestPostgres();
  const pool = new pg.Pool({ connectionString: database.url, max: 2 });
  pool.on('error', () => {});
  // Secrets are no arguments: the servers get them by their environment.
  vi.stubEnv('REMENDO_DATABASE_URL', database.url);
  vi.stubEnv('REMENDO_KEY_PASSPHRASE', 'a-passphrase-for-tests-only');
  vi.stubEnv('AWS_ACCESS_KEY_ID', s3.credentials.accessKeyId);
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', s3.credentials.secretAccessKey);
  const store = ['--object-store', 's3', '--s3-endpoint', s3.endpoint, '--s3-bucket', s3.bucket, '--s3-prefix', s3.prefix];
  const folders: string[] = [];
  return {
    async start() {
      const folder = await newDataFolder();
      folders.push(folder);
      return startProgram(folder, testToken, [...store, ...args]);
    },
    query: async (text, values = []) => (await pool.query(text, [...values])).rows,
    async remove() {
      await killPrograms();
      vi.unstubAllEnvs();
      await pool.end();
      await database.remove();
      const objects = await openTestS3(s3);
      for await (const { digest } of objects.list()) await objects.remove(digest);
      for (const folder of folders) await removeFolder(folder);
    },
  };
}
