/** All of them. */
import { answerFixtures } from './answer-fixtures.js';
import { bsdiffFixtures } from './bsdiff-fixtures.js';
import { bzip2Fixtures } from './bzip2-fixtures.js';
import { containerFixtures } from './container-fixtures.js';
import { deltaFixtures } from './delta-fixtures.js';
import type { HostileFixture } from './hostile-fixture.js';
import { installFixtures } from './install-fixtures.js';
import { manifestFixtures } from './manifest-fixtures.js';
import { remendoFixtures } from './remendo-fixtures.js';
import { wholeFixtures } from './whole-fixtures.js';
import { zipFixtures } from './zip-fixtures.js';

/** By family: a heading, and its fixtures. */
export const hostileFamilies: readonly (readonly [title: string, fixtures: readonly HostileFixture[]])[] = [
  ['BSDIFF40 patches', bsdiffFixtures],
  ['bzip2 streams', bzip2Fixtures],
  ['Remendo patches', remendoFixtures],
  ['Patches that see through containers and programs', containerFixtures],
  ['Whole contents', wholeFixtures],
  ['Deltas', deltaFixtures],
  ['Zips', zipFixtures],
  ['Manifests', manifestFixtures],
  ['Install roots', installFixtures],
  ["A server's answers", answerFixtures],
];

export const hostileFixtures: readonly HostileFixture[] = hostileFamilies.flatMap(([, fixtures]) => fixtures);
