/**
 * `remendo releases sign`, and the end of `remendo publish --key`: this machine looks at the zip itself, and signs what it
 * found there and nothing that a server says about it.
 */
import { createWriteStream } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { digestOf, digestOfSource, encodeManifest, nodeFileSystem, parseVersion, UpdaterError } from '@remendo/core';
import { type BuildToSign, scanZip, signBuilds } from '@remendo/core/publish';
import type { CommandContext } from '../command-context.js';
import { openReleasesApi } from '../operator/releases-api.js';
import { printable } from '../output/printable.js';
import { bytesText, countText } from '../output/quantity.js';
import { type PublishedRelease, publishedRelease } from '../publisher/release-answer.js';
import { withScratchFolder } from '../publisher/scratch-folder.js';
import { finishSigning } from './finish-signing.js';
import { offeredOf, openSigning, type Signing, type SigningSettings, submit } from './open-signing.js';
import { keysOfApplication, type SignOptions } from './run-keys.js';

export interface SignReleaseOptions extends SignOptions {
  /** The zip of one platform's build; left out: each is fetched from the server and looked at. */
  readonly zip?: string;
  /** Terminals with this version, or an older one, may go back to the release. */
  readonly downgradeFrom?: string;
}

export interface ReleaseToSign {
  readonly application: string;
  /** Null: every platform's build. */
  readonly platform: string | null;
  readonly version: string;
  readonly options: SignReleaseOptions;
  readonly settings: SigningSettings;
}

export async function runSignRelease(context: CommandContext, given: ReleaseToSign): Promise<number> {
  const { output, signal } = context;
  const { application, platform, options, settings } = given;
  const signing = await openSigning(context, settings, options.key ?? []);
  // Before anything is fetched: who can not sign need not wait for it.
  keysOfApplication(signing.current, application);
  const { version } = parseVersion(given.version);
  const releases = await openReleasesApi({ ...settings, application, platform }, signal).list();
  const found = releases.filter((release) => release.version === version).map(publishedRelease);
  if (found.length === 0)
    throw new UpdaterError('RELEASE_NOT_FOUND', `there is no release ${printable(`${application} ${version}`)}`);
  if (options.zip !== undefined && found.length > 1) {
    throw new UpdaterError('CONFIG_INVALID', 'the release has several builds: --platform says whose zip this is');
  }
  const builds: BuildToSign[] = [];
  for (const release of found) {
    const build = await readBuild(context, signing, { release, zip: options.zip, downgradeFrom: options.downgradeFrom });
    builds.push(build);
    output.note(
      `${printable(`${application} ${version} (${release.platform})`)}: manifest ${build.manifest.digest}, zip ${build.zip.digest}`,
    );
  }
  const offered = offeredOf(signBuilds(signing.current, builds, signing));
  const { out = null, reason = '' } = options;
  return finishSigning(context, signing, { offered, out, isCosigned: false, reason });
}

/** Signs a build that was just uploaded, by the zip that it was made of. @throws UpdaterError TRUST_… */
export async function signUploaded(
  context: CommandContext,
  release: PublishedRelease,
  { zip, keyFiles, settings }: { readonly zip: string; readonly keyFiles: readonly string[]; readonly settings: SigningSettings },
): Promise<void> {
  const signing = await openSigning(context, settings, keyFiles);
  keysOfApplication(signing.current, release.application);
  const build = await readZip(context, zip, { release, downgradeFrom: undefined });
  const offered = offeredOf(signBuilds(signing.current, [build], signing));
  await submit(signing, { offered, isCosigned: false, reason: 'by remendo publish' }, context.signal);
}

interface BuildAsked {
  readonly release: PublishedRelease;
  readonly zip: string | undefined;
  readonly downgradeFrom: string | undefined;
}

async function readBuild(
  context: CommandContext,
  signing: Signing,
  { release, zip, downgradeFrom }: BuildAsked,
): Promise<BuildToSign> {
  const from = downgradeFrom === undefined ? undefined : parseVersion(downgradeFrom).version;
  if (zip !== undefined) return readZip(context, zip, { release, downgradeFrom: from });
  return withScratchFolder(join(tmpdir(), 'remendo-sign'), async (folder) => {
    context.output.progress.step(`Fetching ${bytesText(release.zipBytes)} to look at it`);
    const path = join(folder, 'release.zip');
    const answer = await signing.http.stream(`api/v1/objects/${release.zipDigest}`, { signal: context.signal });
    await pipeline(answer.body, createWriteStream(path));
    context.output.progress.end();
    return readZip(context, path, { release, downgradeFrom: from });
  });
}

/** Digest and manifest from one open file. */
async function readZip(
  context: CommandContext,
  path: string,
  { release, downgradeFrom }: Omit<BuildAsked, 'zip'>,
): Promise<BuildToSign> {
  const { application, platform, version, shownVersion } = release;
  const source = await nodeFileSystem().open(path, 'read');
  try {
    const digest = await digestOfSource(source, context.signal);
    const identity = { application, platform, version, ...(shownVersion === version ? {} : { displayVersion: shownVersion }) };
    const scanned = await scanZip(source, identity);
    scanned.zip.close();
    const manifest = encodeManifest(scanned.manifest);
    if (digest !== release.zipDigest) {
      throw new UpdaterError(
        'TRUST_RELEASE_UNSIGNED',
        `${path} is not the zip that the server has of ${printable(`${application} ${version}`)}`,
        {
          details: { expected: release.zipDigest, actual: digest },
        },
      );
    }
    context.output.note(`${countText(scanned.manifest.files.length, 'file')} in ${bytesText(source.bytes)}`);
    return {
      application,
      platform,
      version,
      manifest: { digest: digestOf(manifest), bytes: manifest.length },
      zip: { digest, bytes: source.bytes },
      downgradeFrom,
    };
  } finally {
    await source.close();
  }
}
