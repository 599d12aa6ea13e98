/** Around a run of the tests: a folder for what it prints, and the search for secrets in that. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LeakFinder } from './find-leaks.js';
import { recordVariable, secretsFile } from './test-record.js';

const shownMax = 20;

/** @returns what ends the run. */
export default function setup(): () => void {
  const folder = mkdtempSync(join(tmpdir(), 'remendo-test-record-'));
  process.env[recordVariable] = folder;
  return () => {
    try {
      requireNoLeaks(folder);
    } catch (error) {
      // What a teardown throws is shown, and does not fail the run by itself.
      process.exitCode = 1;
      throw error;
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  };
}

/** @throws Error that names the places, when a secret stands anywhere in what was recorded. */
export function requireNoLeaks(folder: string): void {
  const known = join(folder, secretsFile);
  if (!existsSync(known)) return;
  const secrets = new Set(readFileSync(known, 'utf8').trim().split('\n'));
  const finder = new LeakFinder([...secrets].map((line) => JSON.parse(line) as string));
  const places = readdirSync(folder)
    .filter((name) => name.endsWith('.log'))
    .flatMap((name) => finder.find(readFileSync(join(folder, name))).map(({ line, excerpt }) => `${name}:${line}: ${excerpt}`));
  if (places.length === 0) return;
  const shown = [...places.slice(0, shownMax), ...(places.length > shownMax ? ['…'] : [])];
  throw new Error(`secrets were printed, ${places.length} times:\n${shown.join('\n')}`);
}
