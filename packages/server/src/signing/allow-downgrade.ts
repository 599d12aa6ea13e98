import { parseVersion, UpdaterError } from '@remendo/core';
import type { Tx } from '../database/open-database.js';
import type { ReleaseName } from '../releases/change-release.js';
import type { Signer } from './signer.js';

/**
 * Signs, for every build of a release, that terminals with version `from` or an older one may go back to it.
 * @throws UpdaterError RELEASE_UNSIGNED where keys of the publisher's own sign: their holder does this.
 */
export async function allowDowngrade(tx: Tx, signer: Signer, { application, version }: ReleaseName, from: string): Promise<void> {
  const builds = await tx
    .selectFrom('build')
    .innerJoin('release', 'release.id', 'build.release_id')
    .innerJoin('application', 'application.id', 'release.application_id')
    .where('application.slug', '=', application)
    .where('release.version', '=', parseVersion(version).version)
    .select('build.id')
    .execute();
  const ids = builds.map(({ id }) => id);
  // Whoever changes the release says that there is none.
  if (ids.length === 0 || (await signer.signBuilds(tx, application, ids, from))) return;
  const how = `remendo releases sign ${version} --downgrade-from ${from}`;
  throw new UpdaterError('RELEASE_UNSIGNED', `the server does not sign for ${application}: \`${how}\` does this with its key`);
}
