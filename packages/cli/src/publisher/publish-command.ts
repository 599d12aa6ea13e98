/** `remendo publish ZIP_OR_DIR`: a release goes to the server, which builds its deltas afterwards. */
import { stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nodeFileSystem, nodeHost, parseVersion, shownVersion, UpdaterError } from '@remendo/core';
import { scanFolder, writeZip } from '@remendo/core/publish';
import type { CommandContext } from '../command-context.js';
import type { Settings } from '../config.js';
import { exitCodes } from '../exit-codes.js';
import { openReleasesApi } from '../operator/releases-api.js';
import { deltaTableLines } from '../output/delta-table.js';
import type { Output } from '../output/output.js';
import { printable } from '../output/printable.js';
import { bytesText, countText } from '../output/quantity.js';
import { kindOf, readVersionOfFolder } from './open-release.js';
import { type DeltaStatus, type PublishedRelease, publishedRelease } from './release-answer.js';
import { type ReleaseOptions, releaseFields } from './release-fields.js';
import { withScratchFolder } from './scratch-folder.js';
import { uploadRelease } from './upload-release.js';

export interface PublishOptions extends ReleaseOptions {
  readonly release?: string;
  readonly wait?: boolean;
}

export type PublishSettings = Settings<'server' | 'application' | 'allowInsecure' | 'token'>;

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
  const fields = releaseFields(options, { application, version: shownVersion(version) });
  const { release, alreadyPublished } = await withScratchFolder(join(tmpdir(), 'remendo-publish'), async (folder) => {
    const zipPath = await zipOf(context, path, { version, folder, application, platform: options.platform });
    output.progress.step(`Uploading ${bytesText((await stat(zipPath)).size)}`);
    const upload = { server, token, allowInsecure: allowInsecure ?? false, zipPath, fileName: `v${shownVersion(version)}.zip` };
    return uploadRelease({ ...upload, fields, signal });
  });
  output.progress.end();
  const shown = options.wait === true ? await waitForDeltas(context, given.settings, release) : release;
  report(output, shown, { alreadyPublished, waited: options.wait === true });
  return exitCodes.done;
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
