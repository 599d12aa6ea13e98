/** Folders before and after. */
import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';

export type Snapshot = ReadonlyMap<string, string>;

const digestOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

export const snapshotOfFiles = (files: Readonly<Record<string, Uint8Array>>): Snapshot =>
  new Map(Object.entries(files).map(([path, bytes]) => [path, digestOf(bytes)]));

/** Every entry below a folder, if it is there: files by digest, links by where they lead. @param skips names at the top that do not count. */
export function snapshotOf(folder: string, skips: readonly string[] = []): Snapshot {
  const found = new Map<string, string>();
  const walk = (below: string): void => {
    for (const entry of readdirSync(join(folder, below), { withFileTypes: true })) {
      const path = below === '' ? entry.name : `${below}/${entry.name}`;
      if (skips.includes(path)) continue;
      if (entry.isDirectory()) {
        found.set(path, 'folder');
        walk(path);
      } else if (entry.isSymbolicLink()) found.set(path, `link to ${readlinkSync(join(folder, path))}`);
      else found.set(path, digestOf(readFileSync(join(folder, path))));
    }
  };
  if (lstatSync(folder, { throwIfNoEntry: false })?.isDirectory() === true) walk('');
  return found;
}

/** What is not in the one as in the other, a sentence each. */
export function differences(before: Snapshot, after: Snapshot, where: string): readonly string[] {
  const changed = [...before]
    .filter(([path, what]) => after.get(path) !== what)
    .map(([path]) => `${where}: ${path} changed or is gone`);
  const added = [...after.keys()].filter((path) => !before.has(path)).map((path) => `${where}: ${path} was left behind`);
  return [...changed, ...added];
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const unprintable = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u2029]|\p{Cf}|\p{Cs}/u;

/** Text that would move a cursor, hide what it says or write lines of its own. */
export const textHarm = (where: string, text: string): readonly string[] => {
  const found = unprintable.exec(text);
  return found === null ? [] : [`${where} shows ${JSON.stringify(found[0])} (U+${found[0].codePointAt(0)?.toString(16)})`];
};
