/** What Windows makes of a path. Stricter than it: names that it would quietly turn into others are errors here. */
import { win32 } from 'node:path';

/** With the zero at its end a path has to fit into MAX_PATH, but for the prefix `\\?\`; a new folder leaves room for a short name. */
const pathCharactersMax = 259;
const folderPathCharactersMax = 247;
const segmentCharactersMax = 255;

export function systemError(code: string, what: string): Error {
  return Object.assign(new Error(`${code}: ${what}`), { code });
}

/**
 * @returns the path without its prefix.
 * @throws Error as Node.js throws it: ENOENT for what is too long or has characters no name may have, EINVAL for names of
 * devices, streams, and ends that Windows would cut off.
 */
export function checkWindowsPath(path: string, isNewFolder = false): string {
  const isLong = path.startsWith('\\\\?\\');
  if (!isLong && path.length > (isNewFolder ? folderPathCharactersMax : pathCharactersMax))
    throw systemError('ENOENT', `${path} is too long`);
  if (isLong && path.includes('/')) throw systemError('ENOENT', `${path}: behind its prefix only backslashes part names`);
  const plain = isLong ? path.slice(4) : path;
  const { root } = win32.parse(plain);
  if (!/^[a-z]:[\\/]$/i.test(root)) throw systemError('EINVAL', `${path} is not absolute`);
  for (const segment of plain.slice(root.length).split(/[\\/]/)) if (segment !== '') checkSegment(segment, path);
  return plain;
}

function checkSegment(segment: string, path: string): void {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it refuses
  if (segment.length > segmentCharactersMax || /[\u0000-\u001f<>"|?*]/.test(segment))
    throw systemError('ENOENT', `${path}: no name`);
  const isDevice = /^(con|prn|aux|nul|(com|lpt)[0-9¹²³])\s*(\.|$)/i.test(segment);
  if (isDevice || /[. ]$/.test(segment) || segment.includes(':'))
    throw systemError('EINVAL', `${path}: ${segment} is something else`);
}
