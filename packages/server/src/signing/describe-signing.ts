/** Who signs what, until when, and what that means should the server be taken over. */
import { UpdaterError } from '@remendo/core';
import type { SigningState } from '@remendo/core/protocol';
import { type AnyMetadata, applicationRole, binsOf, type RoleKeys, rolesOfRoot, rolesOfTargets } from '@remendo/core/publish';
import type { ServerConfig } from '../config.js';
import type { Database } from '../database/open-database.js';
import { readRepository } from './metadata-rows.js';

type RoleState = SigningState['root'];

export async function describeSigning(ports: {
  readonly database: Database;
  readonly config: ServerConfig;
}): Promise<SigningState> {
  const { db } = ports.database;
  const stored = await readRepository(db);
  if (stored?.online == null) throw new UpdaterError('SERVER_FAILED', 'nothing was signed yet');
  const { offline, online } = stored;
  const own = new Set((await db.selectFrom('signing_key').select('key_id').execute()).map((row) => row.key_id));
  const top = rolesOfRoot(offline.root);
  const state = (metadata: AnyMetadata, { keys, threshold }: RoleKeys): RoleState => ({
    version: metadata.signed.version,
    expires_at: metadata.signed.expires,
    threshold,
    key_ids: keys.map(({ keyID }) => keyID),
    by_server: keys.filter(({ keyID }) => own.has(keyID)).length >= threshold,
  });
  const { applications } = rolesOfTargets(offline.targets);
  const rows = await db.selectFrom('application').select(['slug', 'signing_mode']).orderBy('id').execute();
  const unsigned = await db
    .selectFrom('build')
    .innerJoin('release', 'release.id', 'build.release_id')
    .innerJoin('application', 'application.id', 'release.application_id')
    .where('build.signed_at', 'is', null)
    .where('release.state', '!=', 'withdrawn')
    .select(['application.slug', 'release.version', 'build.platform'])
    .orderBy('build.id')
    .limit(1_000)
    .execute();
  const root = state(offline.root, top.root);
  const targets = state(offline.targets, top.targets);
  return {
    root,
    targets,
    snapshot: state(online.snapshot, top.snapshot),
    timestamp: state(online.timestamp, top.timestamp),
    applications: rows.map(({ slug, signing_mode }) => {
      const role = offline.roles.get(applicationRole(slug));
      const keys = applications[slug];
      const bins = binsOf(slug, offline.roles).map(([, { signed }]) => signed.expires);
      return {
        application: slug,
        signing_mode,
        role: role === undefined || keys === undefined ? null : state(role, keys),
        expires_at: bins.sort()[0] ?? null,
        unsigned_builds: unsigned.filter((build) => build.slug === slug).map(({ version, platform }) => ({ version, platform })),
      };
    }),
    hand_over: ports.config.handOver === 'on',
    consequence: consequenceOf(
      root.by_server,
      targets.by_server,
      rows.filter((row) => row.signing_mode === 'server'),
    ),
  };
}

function consequenceOf(holdsRoot: boolean, holdsTargets: boolean, byServer: readonly { readonly slug: string }[]): string {
  if (holdsRoot) {
    return 'Whoever takes this server over can sign any release of any application, and replace every key: hand root and targets over to keys of your own.';
  }
  if (holdsTargets)
    return 'Whoever takes this server over can sign any release of any application, until the root names other keys.';
  const names = byServer.map(({ slug }) => slug).join(', ');
  return names === ''
    ? 'Whoever takes this server over can withhold releases, and choose who gets which signed one above what they have; it can sign none.'
    : `Whoever takes this server over can sign any release of ${names}, until its keys are replaced; of other applications none.`;
}
