/** Signed metadata in the database: the newest version of each role is what holds, older ones are still asked for. */
import { parseMetadata, UpdaterError } from '@remendo/core';
import { encodeMetadata, type OfflineMetadata, type OnlineMetadata, type SignedRole } from '@remendo/core/publish';
import { sql } from 'kysely';
import type { Db, Tx } from '../database/open-database.js';

export interface StoredRepository {
  readonly offline: OfflineMetadata;
  readonly online: OnlineMetadata | null;
}

/** Any number that nothing else in this database locks. */
const signingLock = 7_346_102;

/** Until the transaction ends nobody else signs. Taken after the rows of applications, by everybody. */
export const lockSigning = async (tx: Tx): Promise<void> => {
  await sql`select pg_advisory_xact_lock(${signingLock})`.execute(tx);
};

/** Null before the first start has made it. */
export async function readRepository(db: Db | Tx): Promise<StoredRepository | null> {
  const rows = await db
    .selectFrom('signed_metadata')
    .distinctOn('role')
    .select(['role', 'body'])
    .orderBy('role')
    .orderBy('version', 'desc')
    .execute();
  const bodies = new Map(rows.map(({ role, body }) => [role, Buffer.from(body)]));
  const bytesOf = (role: string): Buffer => {
    const bytes = bodies.get(role);
    if (bytes === undefined) throw new UpdaterError('SERVER_FAILED', `the database has no ${role} metadata`);
    return bytes;
  };
  if (!bodies.has('root')) return null;
  const delegated = [...bodies.keys()].filter((role) => !['root', 'targets', 'snapshot', 'timestamp'].includes(role));
  const offline = {
    root: parseMetadata('root', bytesOf('root')),
    targets: parseMetadata('targets', bytesOf('targets')),
    roles: new Map(delegated.map((role) => [role, parseMetadata('targets', bytesOf(role))])),
  };
  if (!bodies.has('timestamp')) return { offline, online: null };
  const online = {
    snapshot: parseMetadata('snapshot', bytesOf('snapshot')),
    timestamp: parseMetadata('timestamp', bytesOf('timestamp')),
  };
  return { offline, online };
}

/** All that ever were, by their names. */
export async function readRoots(db: Db | Tx): Promise<readonly (readonly [string, Uint8Array])[]> {
  const rows = await db
    .selectFrom('signed_metadata')
    .where('role', '=', 'root')
    .select(['version', 'body'])
    .orderBy('version')
    .execute();
  return rows.map(({ version, body }) => [`${version}.root.json`, Buffer.from(body)] as const);
}

export async function writeRoles(tx: Tx, roles: readonly SignedRole[]): Promise<void> {
  for (const { role, metadata } of roles) {
    const { version, expires } = metadata.signed;
    await tx
      .insertInto('signed_metadata')
      .values({ role, version, body: Buffer.from(encodeMetadata(metadata)).toString('utf8'), expires_at: new Date(expires) })
      // The snapshot stays as it is when only the timestamp moves.
      .onConflict((conflict) => conflict.columns(['role', 'version']).doNothing())
      .execute();
  }
}
