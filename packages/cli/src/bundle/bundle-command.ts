/**
 * `remendo bundle`: releases into a folder, such as a USB stick, for terminals that no link reaches. What the folder held
 * before stays and is signed anew with it; the description comes last, so that a bundle that was cut off is the one before.
 */
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import {
  type Bundle,
  type Digest,
  limits,
  nodeFileSystem,
  nodeHost,
  offlineBundle,
  parseBundle,
  UpdaterError,
} from '@remendo/core';
import type { CommandContext } from '../command-context.js';
import { credentialsOf } from '../credentials.js';
import { exitCodes } from '../exit-codes.js';
import { readNamedFile } from '../named-path.js';
import { openServer } from '../open-server.js';
import { withScratchFolder } from '../publisher/scratch-folder.js';
import { askForBundle, requestOf } from './ask-for-bundle.js';
import { pruneObjects, readExisting, writeDescription } from './bundle-folder.js';
import type { BundleOptions, BundleSettings } from './bundle-options.js';
import { bundleMessages } from './messages.js';
import type { ObjectFolder } from './object-folder.js';
import { neededObjects } from './plan-bundle.js';
import { reportBundle } from './report-bundle.js';
import { storeObjects } from './store-objects.js';
import { writeCompanions } from './write-companions.js';

export async function runBundle(context: CommandContext, options: BundleOptions, settings: BundleSettings): Promise<number> {
  const { output, signal } = context;
  const say = bundleMessages(context.language);
  const place: ObjectFolder = { fileSystem: nodeFileSystem(), folder: resolve(options.out) };
  const http = openServer(settings, credentialsFor(settings));
  output.progress.step(say.asking);
  const held = options.only === true ? null : await readExisting(place);
  const answer = await askForBundle(context, http, { options, request: requestOf(options, settings, held) });
  const bundle = parseBundle(Buffer.from(JSON.stringify(answer.description)));
  assertSameServer(held, bundle, options.out);
  const needed = neededObjects(bundle.index, { hasZip: options.zip });
  output.progress.step(say.writing);
  const fetchedBytes = await storeObjects(context, place, { http, objects: needed.objects });
  await writeCompanions(context, place, { program: options.program ?? [], root: bundle.metadata.get('1.root.json') });
  await writeDescription(place, answer.description);
  const removed = await pruneObjects(place, new Set(needed.objects.map(({ digest }) => digest)));
  output.progress.step(say.verifying);
  const freshness = await verifyWritten(place, settings, signal);
  output.progress.end();
  reportBundle(context, { place, answer, needed, fetchedBytes, removed, expiresMs: freshness });
  return exitCodes.done;
}

const credentialsFor = (settings: BundleSettings): Readonly<Record<string, string>> =>
  settings.token === null ? credentialsOf(settings) : { authorization: `Bearer ${settings.token}` };

/** A folder that was made by another server would lose the releases of that one. */
function assertSameServer(held: Bundle | null, made: Bundle, folder: string): void {
  const rootOf = ({ metadata }: Bundle): string => Buffer.from(metadata.get('1.root.json') ?? []).toString('hex');
  if (held === null || rootOf(held) === rootOf(made)) return;
  throw new UpdaterError('CONFIG_INVALID', `${folder} holds a bundle of another server: take another folder, or --only`);
}

/** As a terminal would that knows nothing but the root. @returns until when the bundle holds, in milliseconds since 1970. */
async function verifyWritten(place: ObjectFolder, { trustRoot }: BundleSettings, signal: AbortSignal): Promise<number> {
  const { fileSystem } = place;
  const { clock } = nodeHost({ workers: 1 });
  const bundle = offlineBundle(place);
  const { index, metadata } = await bundle.read();
  const root = trustRoot === null ? metadata.get('1.root.json') : await readNamedFile(trustRoot, limits.rootBytesMax);
  return withScratchFolder(join(tmpdir(), 'remendo-bundle'), async (folder) => {
    const trust = bundle.trust({ fileSystem, clock, folder, ...(root === undefined ? {} : { root }) });
    for (const { application, platform, version, plans } of index.releases) {
      const target = plans[0]?.target;
      if (target === undefined) continue;
      const zip = { digest: target.zip.digest as Digest, bytes: target.zip.bytes };
      await trust.verifyRelease({ application, platform, version, manifestDigest: target.manifest_digest as Digest, zip }, signal);
    }
    return (await trust.status()).bundle?.expiresMs ?? 0;
  });
}
