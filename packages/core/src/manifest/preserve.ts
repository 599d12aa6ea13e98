import picomatch from 'picomatch';
import { UpdaterError } from '../errors.js';
import type { ReleasePath } from './release-path.js';

/**
 * Tells which release paths must survive an update untouched: globs such as `.env`, `storage/app/**` or `*.ini`.
 * `*` stays within a folder, `**` crosses folders, `?`, `[a-z]` and `{a,b}` are as in shells, a pattern that ends in `/` means
 * all below; names that start with a dot match too, and case does not count, as on Windows. Everything else stands for
 * itself: `Program Files (x86)`, `a+b`.
 * @throws UpdaterError CONFIG_INVALID for a glob that is empty, too long, not well-formed, or has more than four `*` or `**`,
 *   or more than three between two slashes.
 */
export function preserveMatcher(globs: readonly string[]): (path: ReleasePath) => boolean {
  const matchers = globs.map(matcherOf);
  return (path) => matchers.some((matches) => matches(path));
}

const globCharactersMax = 1_024;
/** Each multiplies the ways in which a path can be tried; with these, the worst path takes a tenth of a second. */
const starsMax = 4;
const segmentStarsMax = 3;
/** What regular expressions and extended globs would mean something else by: `+(a+)+` takes for ever. */
const literals = /[()|+^$@]/g;

function matcherOf(glob: string): (path: string) => boolean {
  const pattern = normalizeGlob(glob);
  if (pattern === '' || pattern.length > globCharactersMax || hasManyStars(pattern)) throw invalid(glob);
  try {
    // Without `debug` a malformed glob would match nothing, and a file that was to stay would go.
    const options = { dot: true, nocase: true, nonegate: true, noextglob: true, debug: true };
    return picomatch(pattern.replace(literals, '\\$&'), options);
  } catch (cause) {
    throw invalid(glob, cause);
  }
}

const normalizeGlob = (glob: string): string =>
  glob
    .normalize('NFC')
    .replaceAll('\\', '/')
    .replace(/^\.?\//, '')
    .replace(/\/$/, '/**');

function hasManyStars(pattern: string): boolean {
  const stars = (text: string): number => text.match(/\*+/g)?.length ?? 0;
  // Braces may hold slashes or leave them out.
  const segments = pattern.includes('{') ? [pattern] : pattern.split('/');
  return stars(pattern) > starsMax || segments.some((segment) => stars(segment) > segmentStarsMax);
}

const invalid = (glob: string, cause?: unknown): UpdaterError =>
  new UpdaterError('CONFIG_INVALID', `${JSON.stringify(glob.slice(0, 80))} is not a glob of files to preserve`, {
    details: { glob: glob.slice(0, 80) },
    cause,
  });
