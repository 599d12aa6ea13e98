/** docs/hostile-fixtures.md, printed from the recipes; a test holds the two together. */
import type { HostileFixture } from './hostile-fixture.js';
import { hostileFamilies, hostileFixtures } from './hostile-fixtures.js';

const introduction = (fixtures: number): string => `# Hostile fixtures

What somebody who means harm could send, plant or publish: ${fixtures} recipes in \`packages/core/src/testing/hostile\`, each named by the
code it has to be refused with. \`npm run -s check:hostile\` brings each of them to every door that takes its kind, and prints
\`{"fixtures":n,"refused":n,"wrong_code":0}\`; what is wrong is told on the error output, and the exit code is 1. It is part of
\`npm test\`. This list is printed by \`node bench/dist/check-hostile.js --document\`.

**Doors**: the library's own readers and \`deriveContents\`; \`remendo manifest\`, \`diff\`, \`apply\` and \`inspect\`; the upload of a real
server over HTTP; a terminal that updates itself from a hostile server, on a real disk.

**Refused** means: with that code (*set aside* where the updater goes on without what it found, *bomb* where memory is watched
too), by every door; nothing left behind in the folder, the install root, beside it, or at the server; an install that is
exactly what it was, or exactly what was signed; nothing printed that would move a cursor or write a line of its own; and,
for bombs, not more than 64 MiB of memory above what there was.

A terminal that meets a hostile delta or patch still gets its update: by the next plan, or the whole content. What it tells of
the first one is the code. A door that reads less than all (\`inspect\` reads a zip's directory, not its contents) may take what is
wrong only further inside.

Regular expressions have a test of their own, \`bench/src/regular-expressions.test.ts\`: each of those that are shipped works no more
than twice as much for twice the text, counted. Artifacts beyond 2 and 4 GiB are in \`large-artifacts.test.ts\` beside the recipes.
`;

/** Markdown. */
export function fixturesDocument(): string {
  const tables = hostileFamilies.map(([title, fixtures]) => `\n## ${title}\n\n${table(fixtures)}`);
  return `${introduction(hostileFixtures.length)}${tables.join('')}`;
}

const table = (fixtures: readonly HostileFixture[]): string =>
  ['| fixture | what it is | refused with |', '|---|---|---|', ...fixtures.map(row), ''].join('\n');

const row = ({ name, attack, code, isBomb }: HostileFixture): string =>
  `| ${name} | ${attack.replaceAll('|', '\\|')} | ${code === null ? '*set aside*' : `\`${code}\``}${isBomb ? ', bomb' : ''} |`;
