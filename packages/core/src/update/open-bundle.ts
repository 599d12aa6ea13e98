/**
 * A bundle's folder as it is read: `remendo-bundle.json`, and its objects beside it. Whoever carries the folder may have
 * changed anything in it, so that nothing in it becomes a path but digests, and nothing counts before it is verified: the
 * index by `bundle.json`, that by its signature (trust/bundle-metadata.ts), objects by their digests.
 */
import { join } from 'node:path';
import type { Static, TSchema } from 'typebox';
import { Compile } from 'typebox/compile';
import { jsonOutline } from '../bytes/json-outline.js';
import { UpdaterError } from '../errors.js';
import { readSmallFile } from '../file-system/file-source.js';
import type { FileSystem } from '../file-system/file-system.js';
import { limits } from '../limits.js';
import { isSemver } from '../manifest/version.js';
import { BundleDescription, BundleIndex } from '../protocol/index.js';
import { assertBundleIndex } from '../trust/bundle-metadata.js';

export const bundleDescriptionFile = 'remendo-bundle.json';

export const bundleDescriptionPath = (folder: string): string => join(folder, bundleDescriptionFile);

export interface Bundle {
  /** As `bundle.json` names it; believed when that has been verified. */
  readonly index: BundleIndex;
  /** Signed metadata by its names. */
  readonly metadata: ReadonlyMap<string, Uint8Array>;
}

const depthMax = 16;
/** Values of an index: plans have some thousand ranges. */
const commasMax = 4_000_000;

const checkedDescription = Compile(BundleDescription);
const checkedIndex = Compile(BundleIndex);

/** @throws UpdaterError BUNDLE_INVALID; TRUST_INVALID when the index is another one than `bundle.json` names. */
export async function readBundle(fileSystem: FileSystem, folder: string): Promise<Bundle> {
  return parseBundle(await readDescription(fileSystem, folder));
}

/** @param description the bytes of `remendo-bundle.json`. @throws as `readBundle`. */
export function parseBundle(description: Uint8Array): Bundle {
  const { index, metadata } = parsed(checkedDescription, description, bundleDescriptionFile);
  const files = new Map(metadata.map(({ name, body }) => [name, Buffer.from(body)]));
  if (files.size !== metadata.length) throw invalid('it carries two of one name');
  const bytes = Buffer.from(index);
  assertBundleIndex(files, bytes);
  const checked = parsed(checkedIndex, bytes, 'the index');
  assertSane(checked);
  return { index: checked, metadata: files };
}

/** What the shape does not say: versions are versions, and objects no larger than a release may be. */
function assertSane({ releases, bases }: BundleIndex): void {
  const versions = [...releases, ...bases].map(({ version }) => version);
  const odd = [...versions, ...releases.flatMap(({ floors }) => floors)].find((version) => !isSemver(version));
  if (odd !== undefined) throw invalid(`it names a version ${JSON.stringify(odd)}`);
  const plans = releases.flatMap((release) => release.plans);
  const fetched = plans.flatMap((answer) => answer.plans.flatMap(({ fetches }) => fetches.map((fetch) => fetch.object_bytes)));
  const stored = [...plans.flatMap(({ target }) => [target.manifest, target.zip]), ...bases.map(({ manifest }) => manifest)];
  if ([...fetched, ...stored.map(({ bytes }) => bytes)].some((bytes) => bytes > limits.releaseBytesMax))
    throw invalid('it names an object that is larger than a release may be');
}

async function readDescription(fileSystem: FileSystem, folder: string): Promise<Uint8Array> {
  const path = bundleDescriptionPath(folder);
  try {
    const bytes = await readSmallFile(fileSystem, path, limits.bundleDescriptionBytesMax);
    if (bytes !== null) return bytes;
  } catch (cause) {
    throw new UpdaterError('BUNDLE_INVALID', `${path} can not be read`, { details: { folder }, cause });
  }
  const found = await fileSystem.stat(folder).catch(() => null);
  const why =
    found?.kind === 'file'
      ? `${folder} is a file: name the bundle's folder, unpacked when it is in an archive`
      : `there is no bundle in ${folder}`;
  throw new UpdaterError('BUNDLE_INVALID', why, { details: { folder } });
}

function parsed<T extends TSchema>(shape: ReturnType<typeof Compile<T>>, bytes: Uint8Array, what: string): Static<T> {
  const { depth, commas } = jsonOutline(bytes);
  if (depth > depthMax || commas > commasMax) throw invalid(`${what} has too much in it`);
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw invalid(`${what} is no JSON`, cause);
  }
  if (shape.Check(value)) return value as Static<T>;
  const first = shape.Errors(value)[0];
  throw invalid(`${what} is malformed at ${first?.instancePath || '/'}: ${first?.message ?? ''}`);
}

const invalid = (why: string, cause?: unknown): UpdaterError =>
  new UpdaterError('BUNDLE_INVALID', `the bundle can not be used: ${why}`, cause === undefined ? {} : { cause });
