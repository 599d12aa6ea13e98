/** `remendo publish ZIP_OR_DIR`: a release goes to the server, which builds its deltas afterwards. */
import { stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { limits, nodeFileSystem, nodeHost, parseVersion, shownVersion, UpdaterError } from '@remendo/core';
import { scanFolder, writeZip } from '@remendo/core/publish';
import type { CommandContext } from '../command-context.js';
import { exitCodes } from '../exit-codes.js';
import type { SigningSettings } from '../keys/open-signing.js';
import { signUploaded } from '../keys/sign-release.js';
import { readNamedFile } from '../named-path.js';
import { openReleasesApi } from '../operator/releases-api.js';
import { deltaTableLines } from '../output/delta-table.js';
import type { Output } from '../output/output.js';
import { printable } from '../output/printable.js';
import { bytesText, countText } from '../output/quantity.js';
import type { Settings } from '../settings.js';
import { kindOf, readVersionOfFolder } from './open-release.js';
import { type DeltaStatus, type PublishedRelease, publishedRelease } from './release-answer.js';
import { type ReleaseOptions, releaseFields } from './release-fields.js';
import { withScratchFolder } from './scratch-folder.js';
import { uploadRelease } from './upload-release.js';

export interface PublishOptions extends ReleaseOptions {
  readonly release?: string;
  /** Path of a detached OpenPGP signature. */
  readonly signature?: string;
  /** Paths of keys that sign the release's metadata. */
  readonly key?: readonly string[];
  readonly wait?: boolean;
}

export type PublishSettings = Settings<'application'> & SigningSettings;

const pollIntervalMs = 500;
const fileSystem = nodeFileSystem();

export async function runPublish(
  context: CommandContext,
  path: string,
  given: { options: PublishOptions; settings: PublishSettings },
): Promise<number> {
  const { output, signal } = context;
  const { options } = given;
  const { server, application, token, allowInsecure } = given.settings;
  // The command asks for them as required: without one it has ended before.
  if (server === null || application === null || token === null) throw new TypeError('settings were not checked');
  const version = await versionOf(path, options.release);
  const fields = {
    ...releaseFields(options, { application, version: shownVersion(version) }),
    ...(await signatureField(path, options.signature)),
  };
  const { release, alreadyPublished } = await withScratchFolder(join(tmpdir(), 'remendo-publish'), async (folder) => {
    const zipPath = await zipOf(context, path, { version, folder, application, platform: options.platform });
    output.progress.step(`Uploading ${bytesText((await stat(zipPath)).size)}`);
    const upload = { server, token, allowInsecure: allowInsecure ?? false, zipPath, fileName: `v${shownVersion(version)}.zip` };
    const uploaded = await uploadRelease({ ...upload, fields, signal });
    const keyFiles = options.key ?? [];
    if (keyFiles.length === 0 && given.settings.signingKey === null) return uploaded;
    await signUploaded(context, uploaded.release, { zip: zipPath, keyFiles, settings: given.settings });
    return { ...uploaded, release: await findRelease(context, given.settings, uploaded.release) };
  });
  output.progress.end();
  if (release.state === 'draft' && options.state !== 'draft') {
    output.note('It stays a draft until it is signed: `remendo releases sign`, or --key here, does that.');
  }
  const shown = options.wait === true ? await waitForDeltas(context, given.settings, release) : release;
  report(output, shown, { alreadyPublished, waited: options.wait === true });
  return exitCodes.done;
}

/** Armored as it is, binary in base64: fields of a form are text. */
async function signatureField(path: string, signaturePath: string | undefined): Promise<Readonly<Record<string, string>>> {
  if (signaturePath === undefined) return {};
  if ((await kindOf(path)) === 'folder')
    throw new UpdaterError('CONFIG_INVALID', '--signature belongs to a zip: a folder is zipped here, and nobody has signed that');
  const signature = Buffer.from(await readNamedFile(signaturePath, limits.signatureBytesMax));
  return { zip_signature: signature.includes('-----BEGIN') ? signature.toString() : signature.toString('base64') };
}

async function versionOf(path: string, release: string | undefined) {
  const inFolder = (await kindOf(path)) === 'folder' ? await readVersionOfFolder(path) : null;
  const named = release ?? (inFolder === null ? /v?(\d[^/\\]*)\.zip$/i.exec(path)?.[1] : shownVersion(inFolder));
  if (named === undefined)
    throw new UpdaterError(
      'CONFIG_INVALID',
      '--release is missing: neither version.txt nor the name of the zip says which version this is',
    );
  const version = parseVersion(named);
  if (inFolder !== null && inFolder.version !== version.version) {
    const message = `version.txt in the folder says ${shownVersion(inFolder)}, the release is ${shownVersion(version)}`;
    throw new UpdaterError('RELEASE_VERSION_DISAGREES', message, {
      details: { found: shownVersion(inFolder), expected: shownVersion(version) },
    });
  }
  return version;
}

interface Zipping {
  readonly version: ReturnType<typeof parseVersion>;
  readonly application: string;
  readonly platform: string;
  readonly folder: string;
}

async function zipOf({ output, signal }: CommandContext, path: string, { folder, ...identity }: Zipping): Promise<string> {
  if ((await kindOf(path)) !== 'folder') return path;
  output.progress.step('Hashing');
  const { version, ...build } = identity;
  const scanned = await scanFolder(fileSystem, path, { ...build, ...version }, { signal });
  signal.throwIfAborted();
  output.progress.step('Zipping');
  const zipPath = join(folder, 'release.zip');
  await writeZip(fileSystem, scanned, zipPath);
  return zipPath;
}

/** As the server has it now. */
const findRelease = async (
  { signal }: CommandContext,
  settings: PublishSettings,
  release: PublishedRelease,
): Promise<PublishedRelease> =>
  publishedRelease(
    await openReleasesApi({ ...settings, application: release.application, platform: release.platform }, signal).find(
      release.version,
    ),
  );

/** Asks until every delta to the release is as small as it gets, or given up. */
async function waitForDeltas(
  { output, signal }: CommandContext,
  settings: PublishSettings,
  { application, platform, version }: PublishedRelease,
): Promise<PublishedRelease> {
  const { clock } = nodeHost();
  const api = openReleasesApi({ ...settings, application, platform }, signal);
  output.progress.step('Building deltas');
  for (;;) {
    const release = publishedRelease(await api.find(version));
    const settled = release.deltas.filter(isSettled).length;
    output.progress.at(settled, release.deltas.length, 'files');
    if (settled === release.deltas.length) {
      output.progress.end();
      return release;
    }
    await clock.sleep(pollIntervalMs, signal);
  }
}

const isSettled = ({ state, isRefining }: DeltaStatus): boolean => state !== 'wanted' && state !== 'building' && !isRefining;

const stateVerbs = {
  draft: 'kept as a draft',
  testing: 'given to its rings for testing',
  published: 'published',
  deprecated: 'deprecated',
  withdrawn: 'withdrawn',
};

function report(output: Output, release: PublishedRelease, how: { alreadyPublished: boolean; waited: boolean }): void {
  output.document({ alreadyPublished: how.alreadyPublished, release });
  const { application, platform, files, installedBytes, zipBytes, state } = release;
  const verb = how.alreadyPublished ? `was ${stateVerbs[state]} already` : stateVerbs[state];
  const name = printable(`${application} ${release.shownVersion} (${platform}, ${release.type})`);
  output.line(
    `${output.colors.bold(name)} ${verb}: ${countText(files, 'file')}, ${bytesText(installedBytes)}, zip ${bytesText(zipBytes)}`,
  );
  if (release.deltas.length === 0) return;
  if (how.waited) for (const line of ['', ...deltaTableLines(output, release)]) output.line(line);
  else output.line(`${countText(release.deltas.length, 'delta')} to it will be built by the server (--wait shows their sizes)`);
}
