/** `remendo publish ZIP_OR_DIR`: a release goes to the server, which builds its deltas afterwards. */
import { stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHttpClient, nodeFileSystem, nodeHost, parseVersion, shownVersion, UpdaterError } from '@remendo/core';
import type { channels, releaseTypes } from '@remendo/core/protocol';
import { scanFolder, writeZip } from '@remendo/core/publish';
import type { CommandContext } from '../command-context.js';
import type { Settings } from '../config.js';
import { exitCodes } from '../exit-codes.js';
import type { Output } from '../output/output.js';
import { printable } from '../output/printable.js';
import { bytesText, countText, shareText } from '../output/quantity.js';
import { tableLines } from '../output/table.js';
import { kindOf, readVersionOfFolder } from './open-release.js';
import { type PublishedRelease, parseReleaseAnswer } from './release-answer.js';
import { withScratchFolder } from './scratch-folder.js';
import { uploadRelease } from './upload-release.js';

export interface PublishOptions {
  readonly release?: string;
  readonly platform: string;
  readonly channel?: (typeof channels)[number];
  readonly type?: (typeof releaseTypes)[number];
  readonly title?: string;
  readonly description?: string;
  readonly changelog?: string;
  readonly breakingChanges?: string;
  readonly backup: boolean;
  readonly downtime?: boolean;
  readonly rollbackCompatible: boolean;
  readonly mandatory?: boolean;
  readonly wait?: boolean;
}

export type PublishSettings = Settings<'server' | 'application' | 'allowInsecure' | 'token'>;

interface Publishing {
  readonly server: string;
  readonly application: string;
  readonly token: string;
  readonly allowInsecure: boolean;
}

const pollIntervalMs = 500;
const fileSystem = nodeFileSystem();

export async function runPublish(
  context: CommandContext,
  path: string,
  given: { options: PublishOptions; settings: PublishSettings },
): Promise<number> {
  const { output, signal } = context;
  const { options } = given;
  const publishing = requiredSettings(given.settings);
  const type = typeOf(options);
  const version = await versionOf(path, options.release);
  const { release, alreadyPublished } = await withScratchFolder(join(tmpdir(), 'remendo-publish'), async (folder) => {
    const zipPath = await zipOf(context, path, {
      version,
      folder,
      application: publishing.application,
      platform: options.platform,
    });
    output.progress.step(`Uploading ${bytesText((await stat(zipPath)).size)}`);
    const fields = formFields(options, { application: publishing.application, version: shownVersion(version), type });
    return uploadRelease({ ...publishing, zipPath, fileName: `v${shownVersion(version)}.zip`, fields, signal });
  });
  output.progress.end();
  const shown = options.wait === true ? await waitForDeltas(context, publishing, release) : release;
  report(output, shown, { alreadyPublished, waited: options.wait === true });
  return exitCodes.done;
}

function requiredSettings({ server, application, token, allowInsecure }: PublishSettings): Publishing {
  // The command asks for them as required: without one it has ended before.
  if (server === null || application === null || token === null) throw new TypeError('settings were not checked');
  return { server, application, token, allowInsecure: allowInsecure ?? false };
}

/** A channel takes releases by their type, so naming the channel names the type. */
function typeOf({ type, channel }: PublishOptions): (typeof releaseTypes)[number] {
  const named = type ?? channel ?? 'stable';
  if (channel === 'stable' && named === 'development') {
    throw new UpdaterError('CONFIG_INVALID', 'the stable channel takes stable releases and hotfixes, no development releases');
  }
  return named;
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

function formFields(
  options: PublishOptions,
  release: { application: string; version: string; type: string },
): Readonly<Record<string, string>> {
  const texts = {
    title: options.title,
    description: options.description,
    changelog: options.changelog,
    breaking_changes: options.breakingChanges,
  };
  return {
    ...release,
    platform: options.platform,
    ...Object.fromEntries(Object.entries(texts).filter((entry): entry is [string, string] => entry[1] !== undefined)),
    ...(options.backup ? {} : { requires_backup: 'false' }),
    ...(options.downtime === true ? { requires_downtime: 'true' } : {}),
    ...(options.rollbackCompatible ? {} : { rollback_compatible: 'false' }),
    ...(options.mandatory === true ? { mandatory: 'true' } : {}),
  };
}

/** Asks until every delta to the release is ready or given up. */
async function waitForDeltas(
  { output, signal }: CommandContext,
  publishing: Publishing,
  published: PublishedRelease,
): Promise<PublishedRelease> {
  const { clock, random } = nodeHost();
  const credentials = () => ({ authorization: `Bearer ${publishing.token}` });
  const http = createHttpClient({
    serverUrl: publishing.server,
    allowInsecure: publishing.allowInsecure,
    credentials,
    clock,
    random,
  });
  const { application, platform, version } = published;
  output.progress.step('Building deltas');
  for (;;) {
    const path = `api/v1/releases/${encodeURIComponent(version)}`;
    const release = await http.json(path, { query: { application, platform }, validate: parseReleaseAnswer, signal });
    const settled = release.deltas.filter(({ state }) => state === 'ready' || state === 'rejected').length;
    output.progress.at(settled, release.deltas.length, 'files');
    if (settled === release.deltas.length) {
      output.progress.end();
      return release;
    }
    await clock.sleep(pollIntervalMs, signal);
  }
}

function report(output: Output, release: PublishedRelease, how: { alreadyPublished: boolean; waited: boolean }): void {
  output.document({ alreadyPublished: how.alreadyPublished, release });
  const { application, platform, files, installedBytes, zipBytes } = release;
  const verb = how.alreadyPublished ? 'was published already' : 'published';
  const name = printable(`${application} ${release.shownVersion} (${platform}, ${release.type})`);
  output.line(
    `${output.colors.bold(name)} ${verb}: ${countText(files, 'file')}, ${bytesText(installedBytes)}, zip ${bytesText(zipBytes)}`,
  );
  if (release.deltas.length === 0) return;
  if (!how.waited) {
    output.line(`${countText(release.deltas.length, 'delta')} to it will be built by the server (--wait shows their sizes)`);
    return;
  }
  output.line();
  const rows = release.deltas.map(({ baseVersion, state, bytes, detail }) => [
    printable(baseVersion),
    state === 'ready' ? output.colors.green(state) : output.colors.yellow(state),
    bytes === null ? '' : bytesText(bytes),
    bytes === null ? printable(detail ?? '') : `${shareText(bytes, zipBytes)} of the zip`,
  ]);
  const columns = [{ title: 'delta from' }, { title: 'state' }, { title: 'size', align: 'right' }, { title: '' }] as const;
  for (const line of tableLines(columns, rows)) output.line(line);
}
