/** What an install says about itself: version.txt, `.remendo/state.json`, `.remendo/manifest.json`. */
import { Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { hasCode } from '../errors.js';
import { readSmallFile } from '../file-system/file-source.js';
import type { FileSystem } from '../file-system/file-system.js';
import { writeDurably } from '../file-system/write-durably.js';
import { type Digest, digestOf } from '../hash/digest.js';
import { limits } from '../limits.js';
import type { Manifest } from '../manifest/manifest.js';
import { parseManifest } from '../manifest/parse-manifest.js';
import { isSemver, parseVersionText, type ReleaseVersion } from '../manifest/version.js';
import type { InstallLayout } from '../transaction/install-layout.js';

export interface InstallState {
  readonly format: 'remendo-state-1';
  readonly application: string;
  readonly platform: string;
  readonly version: string;
  readonly displayVersion?: string;
  readonly manifestDigest: Digest;
  readonly channel: string;
  /** Stable name of this terminal, made at its first update. */
  readonly terminalId: string;
}

/** It goes into headers of requests: one that no header may have would end every update. */
const headerText = Type.String({ pattern: '^[!-~]*$', maxLength: limits.nameCharactersMax });

const schema = Compile(
  Type.Object({
    format: Type.Literal('remendo-state-1'),
    application: headerText,
    platform: headerText,
    version: Type.String({ maxLength: limits.versionCharactersMax }),
    displayVersion: Type.Optional(Type.String({ maxLength: limits.versionCharactersMax })),
    manifestDigest: Type.String({ pattern: '^[0-9a-f]{64}$' }),
    channel: headerText,
    terminalId: headerText,
  }),
);

/** Older ones are forgotten: nobody is offered them any more. */
const blockedMax = 1_000;

export interface Installed {
  /** What version.txt says; null when it is missing or broken. */
  readonly version: ReleaseVersion | null;
  readonly state: InstallState | null;
  /** The installed release's manifest; null when it is missing, damaged, or of another version than version.txt or another digest than state.json. */
  readonly manifest: Manifest | null;
  /** Versions that were rolled back here and are not tried again unless asked for. */
  readonly blocked: readonly string[];
  /** Below this version the terminal has to be updated before the application should start; null: there is none. */
  readonly floor: string | null;
}

/** Reads all three; what is missing or damaged is null, and the caller identifies the install by its contents. */
export async function readInstalled(fileSystem: FileSystem, layout: InstallLayout): Promise<Installed> {
  const versionText = await readOrNull(fileSystem, layout.versionText, limits.versionTextBytesMax);
  const version = versionText === null ? null : parseVersionText(versionText);
  const state = await readState(fileSystem, layout);
  const manifestBytes = await readOrNull(fileSystem, layout.manifest, limits.manifestBytesMax);
  const isDamaged = manifestBytes !== null && state !== null && digestOf(manifestBytes) !== state.manifestDigest;
  const manifest = isDamaged ? null : parseOwnManifest(manifestBytes);
  const agrees =
    manifest !== null && (version === null ? state?.version === manifest.version : version.version === manifest.version);
  return {
    version: version ?? (agrees ? versionOf(manifest) : null),
    state,
    manifest: agrees ? manifest : null,
    blocked: await readBlocked(fileSystem, layout),
    floor: await readFloor(fileSystem, layout),
  };
}

/** state.json alone; null when it is missing or damaged. */
export const readState = async (fileSystem: FileSystem, layout: InstallLayout): Promise<InstallState | null> =>
  parseState(await readOrNull(fileSystem, layout.state, limits.answerBytesMax));

const versionOf = (manifest: Manifest): ReleaseVersion =>
  manifest.displayVersion === undefined
    ? { version: manifest.version }
    : { version: manifest.version, displayVersion: manifest.displayVersion };

/** What is too large is as good as damaged. */
async function readOrNull(fileSystem: FileSystem, path: string, bytesMax: number): Promise<Uint8Array | null> {
  try {
    return await readSmallFile(fileSystem, path, bytesMax);
  } catch (error) {
    if (hasCode(error, 'LIMIT_EXCEEDED')) return null;
    throw error;
  }
}

/** A value of state.json, or null: a damaged state is rebuilt, never a reason to stop. */
export function parseState(bytes: Uint8Array | null): InstallState | null {
  const value = parseJson(bytes);
  return schema.Check(value) && isSemver(value.version) ? (value as unknown as InstallState) : null;
}

/** Null for what is missing and for what is no JSON. */
function parseJson(bytes: Uint8Array | null): unknown {
  try {
    return bytes === null ? null : JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    return null;
  }
}

function parseOwnManifest(bytes: Uint8Array | null): Manifest | null {
  try {
    return bytes === null ? null : parseManifest(bytes);
  } catch {
    return null;
  }
}

export const encodeState = (state: InstallState): Uint8Array => new TextEncoder().encode(`${JSON.stringify(state, null, 2)}\n`);

const blockedSchema = Compile(Type.Array(Type.String({ maxLength: limits.versionCharactersMax }), { maxItems: blockedMax }));

async function readBlocked(fileSystem: FileSystem, layout: InstallLayout): Promise<readonly string[]> {
  const value = parseJson(await readOrNull(fileSystem, layout.blocked, limits.answerBytesMax));
  return blockedSchema.Check(value) ? value : [];
}

/** Remembers that a version was rolled back on this terminal, or (with `isBlocked` false) that it may be tried again. */
export async function blockVersion(
  fileSystem: FileSystem,
  layout: InstallLayout,
  version: string,
  isBlocked = true,
): Promise<void> {
  const blocked = await readBlocked(fileSystem, layout);
  if (blocked.includes(version) === isBlocked) return;
  const others = blocked.filter((other) => other !== version);
  const next = isBlocked ? [...others.slice(1 - blockedMax), version] : others;
  await writeDurably(fileSystem, layout.blocked, new TextEncoder().encode(`${JSON.stringify(next)}\n`));
}

const version = Type.String({ maxLength: limits.versionCharactersMax });
const floorSchema = Compile(Type.Object({ floor: version }));

async function readFloor(fileSystem: FileSystem, layout: InstallLayout): Promise<string | null> {
  const value = parseJson(await readOrNull(fileSystem, layout.floor, limits.answerBytesMax));
  return floorSchema.Check(value) && isSemver(value.floor) ? value.floor : null;
}

/** Remembers the mandatory version of the last answer; null: there is none any more. */
export async function rememberFloor(fileSystem: FileSystem, layout: InstallLayout, floor: string | null): Promise<void> {
  if ((await readFloor(fileSystem, layout)) === floor) return;
  if (floor === null) await fileSystem.removeFile(layout.floor);
  else await writeDurably(fileSystem, layout.floor, encodeJson({ floor }));
}

const swapsSchema = Compile(Type.Object({ version, swaps: Type.Integer({ minimum: 0 }) }));

/**
 * Counts, before it begins, a swap to a version. The count starts anew with another version, not when a swap succeeds: a
 * terminal that is made to install the same release over and over is in a loop, whatever each round says of itself.
 * @returns how many there were, with this one.
 */
export async function countSwap(fileSystem: FileSystem, layout: InstallLayout, to: string): Promise<number> {
  const swaps = (await readSwaps(fileSystem, layout, to)) + 1;
  await rememberSwaps(fileSystem, layout, { version: to, swaps });
  return swaps;
}

export const rememberSwaps = (
  fileSystem: FileSystem,
  layout: InstallLayout,
  counted: { readonly version: string; readonly swaps: number },
): Promise<void> => writeDurably(fileSystem, layout.swaps, encodeJson(counted));

export async function readSwaps(fileSystem: FileSystem, layout: InstallLayout, to: string): Promise<number> {
  const value = parseJson(await readOrNull(fileSystem, layout.swaps, limits.answerBytesMax));
  return swapsSchema.Check(value) && value.version === to ? value.swaps : 0;
}

export const forgetSwaps = (fileSystem: FileSystem, layout: InstallLayout): Promise<void> => fileSystem.removeFile(layout.swaps);

const encodeJson = (value: unknown): Uint8Array => new TextEncoder().encode(`${JSON.stringify(value)}\n`);
