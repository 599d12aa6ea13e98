import picomatch from 'picomatch';
import { UpdaterError } from '../errors.js';
import type { ReleasePath } from './release-path.js';

/**
 * Tells which release paths must survive an update untouched: globs such as `.env`, `storage/app/**` or `*.ini`.
 * `*` stays within a folder, `**` crosses folders, a pattern that ends in `/` means all below; names that start with a
 * dot match too, and case does not count, as on Windows.
 * @throws UpdaterError CONFIG_INVALID for a glob that is empty or too long.
 */
export function preserveMatcher(globs: readonly string[]): (path: ReleasePath) => boolean {
  if (globs.length === 0) return () => false;
  return picomatch(globs.map(normalizeGlob), { dot: true, nocase: true, nonegate: true });
}

const globCharactersMax = 1_024;

function normalizeGlob(glob: string): string {
  const pattern = glob
    .normalize('NFC')
    .replaceAll('\\', '/')
    .replace(/^\.?\//, '')
    .replace(/\/$/, '/**');
  if (pattern !== '' && pattern.length <= globCharactersMax) return pattern;
  throw new UpdaterError('CONFIG_INVALID', `${JSON.stringify(glob.slice(0, 80))} is not a glob of files to preserve`, {
    details: { glob: glob.slice(0, 80) },
  });
}
