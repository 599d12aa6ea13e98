// Whose work is in an executable, and under which terms: they ask for their notices to go along.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** @param folders of packages. @returns each with its name, version, licence and the files that hold its terms. */
export function licencesText(folders) {
  const entries = folders.map((folder) => {
    const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    const files = readdirSync(folder).filter((file) => /^(licen[cs]e|notice|copying)/i.test(file));
    const texts = files.sort().map((file) => readFileSync(join(folder, file), 'utf8').trim());
    return [`${name} ${version} (${license ?? 'see below'})`, ...texts].join('\n\n');
  });
  return `${[...new Set(entries)].sort().join(`\n\n${'='.repeat(80)}\n\n`)}\n`;
}
