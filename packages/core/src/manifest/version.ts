/**
 * Versions. A release's version is semver 2.0.0. Windows programs often have four parts: `1.2.3.4` is mapped to
 * `1.2.(3 × 65536 + 4)`, which keeps the order of Windows' own version numbers (four 16-bit fields), and is shown as
 * it was written. An application uses one of the two forms for all its releases: mixed forms would not order.
 */
import semver from 'semver';
import { UpdaterError } from '../errors.js';
import { limits } from '../limits.js';

export interface ReleaseVersion {
  readonly version: string;
  /** Set when it was written in four parts. */
  readonly displayVersion?: string;
}

const fourParts = /^(\d{1,5})\.(\d{1,5})\.(\d{1,5})\.(\d{1,5})$/;

/** True for four 16-bit numbers with dots between them. */
export const isFourParts = (text: string): boolean =>
  fourParts
    .exec(text)
    ?.slice(1)
    .every((part) => Number(part) < 65_536) === true;

/** True for semver in its exact form: no leading `v`, no spaces, no leading zeros. */
export const isSemver = (text: string): boolean =>
  text.length <= limits.versionCharactersMax && semver.valid(text) === text.replace(/\+.*$/, '');

/** A version as people write it: semver or four parts, with an optional leading `v`. @throws UpdaterError RELEASE_VERSION_INVALID */
export function parseVersion(text: string): ReleaseVersion {
  const trimmed = text.trim().replace(/^v(?=\d)/i, '');
  if (isFourParts(trimmed)) {
    const [major = 0, minor = 0, patch = 0, fourth = 0] = trimmed.split('.').map(Number);
    return { version: `${major}.${minor}.${patch * 65_536 + fourth}`, displayVersion: `${major}.${minor}.${patch}.${fourth}` };
  }
  if (!isSemver(trimmed)) {
    throw new UpdaterError('RELEASE_VERSION_INVALID', `${JSON.stringify(text.slice(0, 80))} is not a version`, {
      details: { version: text.slice(0, 80) },
    });
  }
  return { version: trimmed };
}

/** Negative when a is older than b; build metadata orders nothing (semver 2.0.0, section 10). */
export const compareVersions = (a: string, b: string): number => semver.compare(a, b);

/** What people see. */
export const shownVersion = (of: ReleaseVersion): string => of.displayVersion ?? of.version;

/**
 * The version in a `version.txt`: its first line, read with or without a byte order mark, in UTF-8 or UTF-16 (as
 * Windows' editors save it), with any line end and a leading `v`.
 * @returns null when it is empty, malformed or larger than 64 KiB: the caller then identifies the install by hashes.
 */
export function parseVersionText(bytes: Uint8Array): ReleaseVersion | null {
  if (bytes.length > limits.versionTextBytesMax) return null;
  const firstLine = decodeText(bytes).split(/\r\n|\r|\n/, 1)[0] ?? '';
  try {
    return parseVersion(firstLine.replaceAll('\0', ''));
  } catch {
    return null;
  }
}

/** What the updater writes. */
export const encodeVersionText = (of: ReleaseVersion): Uint8Array => new TextEncoder().encode(`${shownVersion(of)}\n`);

function decodeText(bytes: Uint8Array): string {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return new TextDecoder('utf-16le').decode(bytes);
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return new TextDecoder('utf-16be').decode(bytes);
  if (bytes[1] === 0 && bytes[0] !== undefined && bytes[0] > 0) return new TextDecoder('utf-16le').decode(bytes);
  return new TextDecoder('utf-8').decode(bytes);
}
