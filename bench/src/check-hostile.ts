/**
 * Brings every hostile fixture to every door: the library's readers, the commands, a server's upload, a terminal that
 * updates itself from a hostile server.
 *
 *     node bench/dist/check-hostile.js [--fixture PART-OF-A-NAME] | --document
 *
 * Prints one line of JSON; with --document the list of all fixtures, docs/hostile-fixtures.md. What was not refused with its code, left something behind or took more memory than a bomb may is
 * told on the error output, and the exit code is 1.
 */
import { parseArgs } from 'node:util';
import { fixturesDocument, hostileFixtures } from '@remendo/core/testing';
import { openCommandDoor } from './hostile/command-door.js';
import { type Fault, judge } from './hostile/judge.js';
import { openLibraryDoor } from './hostile/library-door.js';
import { openTerminalDoor } from './hostile/terminal-door.js';
import { openUploadDoor } from './hostile/upload-door.js';

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { fixture: { type: 'string' }, document: { type: 'boolean' } } });
  if (values.document === true) return void process.stdout.write(fixturesDocument());
  const fixtures = hostileFixtures.filter(({ name }) => name.includes(values.fixture ?? ''));
  const doors = [await openLibraryDoor(), await openCommandDoor(), await openUploadDoor(), await openTerminalDoor()];
  try {
    const faults = await judge(fixtures, doors);
    const wrong = new Set(faults.map(({ fixture }) => fixture));
    for (const line of faults.map(faultLine)) process.stderr.write(`${line}\n`);
    process.stdout.write(
      `${JSON.stringify({ fixtures: fixtures.length, refused: fixtures.length - wrong.size, wrong_code: wrong.size })}\n`,
    );
    if (faults.length > 0 || fixtures.length === 0) process.exitCode = 1;
  } finally {
    for (const door of doors) await door.close();
  }
}

const faultLine = ({ fixture, door, expected, problem }: Fault): string =>
  `${fixture.padEnd(40)} ${door.padEnd(18)} expected ${expected}: ${problem}`;

await main();
