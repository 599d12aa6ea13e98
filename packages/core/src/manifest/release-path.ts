/**
 * The only door from a path in a manifest, a zip or a delta to a path in the file system (invariant 4). What would be
 * unsafe or ambiguous on Windows or on Linux is refused on both, so that a release that can be published can be
 * installed everywhere, and so that no two of its files can ever be the same file.
 *
 * Sources: "Naming Files, Paths, and Namespaces" (Microsoft Learn) for device names, trailing dots and spaces, streams
 * and reserved characters; CVE-2021-32804 and CVE-2018-1002200 (zip slip) for what happens without.
 */
import { join, sep } from 'node:path';
import { escapeUnprintable } from '../bytes/escape-unprintable.js';
import { UpdaterError } from '../errors.js';
import { limits } from '../limits.js';

/** A path that passed `parseReleasePath`. */
export type ReleasePath = string & { readonly __releasePath: unique symbol };

/** Device names, with any extension: `con`, `CON.txt`; the superscript digits count as digits (COM¹). */
const reservedName =
  /^(con|prn|aux|nul|conin\$|conout\$|clock\$|com[0-9\u00b9\u00b2\u00b3]|lpt[0-9\u00b9\u00b2\u00b3])(\s*\..*|\s*)$/i;
/** Reserved on Windows, the colon of alternate data streams among them, and everything that does not print. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it refuses
const reservedCharacter = /[\u0000-\u001f\u007f-\u009f<>:"|?*\\]/;
/**
 * Invisible and direction-changing characters hide what a name is, and some file systems leave them out when they
 * compare (HFS+, ext4 with casefold). Variation selectors are let through, since emoji need them, and folded away.
 */
const deceivingCharacter = /(?!\p{Variation_Selector})[\p{Default_Ignorable_Code_Point}\u2028\u2029\ufff9-\ufffd]/u;
/** A short name that Windows makes up for a longer one: `REMEND~1` would be a second way into `.remendo`. */
const shortName = /^[^.]{1,6}~[0-9]{1,6}(\.[^.]{0,3})?$/;

/** Names at the root that belong to the updater, folded. */
const ownFolder = '.remendo';
const ownNames = new Set([ownFolder, 'version.txt']);

function refusal(path: string): string | null {
  if (path === '') return 'it is empty';
  if (Buffer.byteLength(path) > limits.pathBytesMax) return `it is longer than ${limits.pathBytesMax} bytes`;
  if (path.startsWith('/')) return 'it is absolute';
  if (!path.isWellFormed()) return 'it is not well-formed Unicode';
  if (path !== path.normalize('NFC')) return 'it is not in Unicode form NFC';
  const character = reservedCharacter.exec(path);
  if (character !== null) return `it has the reserved character ${quoted(character[0])}`;
  if (deceivingCharacter.test(path)) return 'it has an invisible or direction-changing character';
  const segments = path.split('/');
  if (segments.length > limits.pathSegmentsMax) return `it has more than ${limits.pathSegmentsMax} segments`;
  for (const segment of segments) {
    if (segment === '') return 'it has an empty segment';
    if (segment === '.' || segment === '..') return `it has the segment ${segment}`;
    if (/[. ]$/.test(segment)) return 'a segment ends in a dot or a space';
    if (segment.startsWith(' ')) return 'a segment starts with a space';
    if (reservedName.test(segment)) return `${segment} is a device name on Windows`;
    if (shortName.test(segment)) return `${segment} may be the short name of another file on Windows`;
    if (Buffer.byteLength(segment) > limits.pathSegmentBytesMax)
      return `a segment is longer than ${limits.pathSegmentBytesMax} bytes`;
  }
  return null;
}

/** The path, proved safe by itself. @throws UpdaterError MANIFEST_PATH_UNSAFE with the path and the reason. */
export function parseReleasePath(path: string): ReleasePath {
  const reason = refusal(path);
  if (reason !== null) throw unsafePath(path, reason);
  return path as ReleasePath;
}

const quoted = (text: string): string => escapeUnprintable(JSON.stringify(text));

/** The error for a path that is not to be used; a long one is cut. @param reason a clause: `it is a link`. */
export function unsafePath(path: string, reason: string): UpdaterError {
  const shown = path.slice(0, limits.pathBytesMax).toWellFormed();
  return new UpdaterError('MANIFEST_PATH_UNSAFE', `${quoted(shown)} is refused: ${reason}`, {
    details: { path: shown, reason },
  });
}

/** True for what the updater itself keeps in the install root, in any spelling: such names are never a release's. */
export const isOwnPath = (path: string): boolean => ownNames.has(foldPath(path.split('/')[0] ?? ''));

/** True for what lies in the updater's own folder, in any spelling, and for the folder itself. */
export const isInOwnFolder = (path: string): boolean => foldPath(path.split('/')[0] ?? '') === ownFolder;

/**
 * What two paths have in common when a file system takes them for one: case, Unicode form and characters that some
 * leave out are folded away. Folds more than any one system does: refusing too much is safe.
 */
export const foldPath = (path: string): string =>
  path
    .replace(/\p{Default_Ignorable_Code_Point}/gu, '')
    .normalize('NFKC')
    .toLowerCase()
    .toUpperCase()
    .toLowerCase()
    .normalize('NFKC');

/**
 * Refuses a set of safe paths in which two would be one file on some system, or in which one is a file and the other
 * lies below it. Case-only differences count for folders too: `Bin/a` with `bin/b`.
 * @throws UpdaterError MANIFEST_PATH_UNSAFE naming both.
 */
export function assertPathsDistinct(paths: readonly ReleasePath[]): void {
  const spellings = new Map<string, { readonly spelling: string; readonly isFile: boolean }>();
  for (const path of paths) {
    const segments = path.split('/');
    let spelling = '';
    segments.forEach((segment, index) => {
      spelling = index === 0 ? segment : `${spelling}/${segment}`;
      const isFile = index === segments.length - 1;
      const folded = foldPath(spelling);
      const other = spellings.get(folded);
      if (other === undefined) spellings.set(folded, { spelling, isFile });
      else if (isFile || other.isFile || other.spelling !== spelling) {
        throw unsafePath(path, `it collides with ${quoted(other.spelling)}`);
      }
    });
  }
}

/** Where a release's file lies below `root`, in the platform's spelling. */
export function releasePathToFilePath(root: string, path: ReleasePath): string {
  return join(root, ...path.split('/'));
}

/** The release path of a file found below a root, or a refusal. @param relative as `path.relative` gives it. */
export function filePathToReleasePath(relative: string): ReleasePath {
  return parseReleasePath((sep === '\\' ? relative.split(sep).join('/') : relative).normalize('NFC'));
}
