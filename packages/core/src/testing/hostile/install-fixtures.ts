/** What a local user could plant in an install root: files of the updater's that are none, links, files that change. */

import { digestOf } from '../../hash/digest.js';
import { limits } from '../../limits.js';
import { encodeRecord, type JournalRecord } from '../../transaction/journal-record.js';
import { joined } from '../remendo-samples.js';
import { nestedArrays } from './bombs.js';
import { bomb, type HostileFixture, hostile } from './hostile-fixture.js';
import { unsafePaths } from './unsafe-paths.js';

const release = { version: '1.0.1', manifestDigest: digestOf('manifest') };
const begun: JournalRecord = { type: 'begun', format: 'remendo-journal-1', transaction: 'id-1', base: null, target: release };
const content = { bytes: 5, sha256: digestOf('bytes'), mode: 0o644 };

/** A journal of a swap that is to be finished. */
const journalOf = (records: readonly JournalRecord[]): Uint8Array => joined([begun, ...records].map(encodeRecord));

function swapOf(path: string, place: 'root' | 'home' = 'root'): Uint8Array {
  const change: JournalRecord = { type: 'change', index: 0, place, path, basePath: path, base: null, target: content };
  return journalOf([change, { type: 'staged', changes: 1, directories: 0 }, { type: 'committing' }]);
}

const journal = (name: string, attack: string, make: () => Uint8Array): HostileFixture =>
  hostile(`journal-${name}`, attack, 'TRANSACTION_JOURNAL_INVALID', () => ({ kind: 'journal', bytes: make() }));

/** A line with a right checksum. */
const line = (json: string): Uint8Array => {
  const bytes = Buffer.from(json);
  return Buffer.concat([Buffer.from(`${digestOf(bytes).slice(0, 16)} `), bytes, Buffer.from('\n')]);
};
const committing = encodeRecord({ type: 'committing' });

const journals: readonly HostileFixture[] = [
  ...unsafePaths
    .filter(({ path, name }) => path.isWellFormed() && !name.startsWith('own-'))
    .map(({ name, attack, path }) => journal(`path-${name}`, attack, () => swapOf(path))),
  journal('own-path-outside', "a file of the updater's that leaves its folder", () => swapOf('../evil', 'home')),
  journal('transaction-path', 'a transaction whose name is a path', () =>
    line(JSON.stringify({ ...begun, transaction: '../../etc' })),
  ),
  journal('count-lie', 'more changes than it lists', () =>
    journalOf([{ type: 'staged', changes: 9, directories: 0 }, { type: 'committing' }]),
  ),
  journal('hole', 'a state behind what can not be read: the disk lost what it had promised', () =>
    joined([
      encodeRecord(begun),
      Buffer.from('0123456789abcdef {}\n'),
      line('{"type":"staged","changes":0,"directories":0}'),
      committing,
    ]),
  ),
  journal('not-one', 'a file that is no journal', () => Buffer.from('MZ\u0090')),
  journal('depth-bomb', 'arrays in arrays with a right checksum', () =>
    joined([line(nestedArrays(10_000).toString()), committing]),
  ),
  journal('prototype-key', 'a key that changes every object', () =>
    line(JSON.stringify(begun).replace('{', '{"__proto__":{"index":0},')),
  ),
  bomb('journal-line-bomb', 'a line of 64 MiB', 'TRANSACTION_JOURNAL_INVALID', () => ({
    kind: 'journal',
    bytes: new Uint8Array(64 * 1024 * 1024).fill(0x61),
  })),
];

const ownFile = (name: string, attack: string, path: string, bytes: () => Uint8Array): HostileFixture =>
  hostile(`own-${name}`, attack, null, () => ({ kind: 'own-file', path, bytes: bytes() }));

const state = (changed: object): Uint8Array =>
  Buffer.from(
    JSON.stringify({
      format: 'remendo-state-1',
      application: 'erp',
      platform: 'any',
      version: '1.0.0',
      manifestDigest: digestOf('another'),
      channel: 'stable',
      terminalId: 'planted',
      ...changed,
    }),
  );

const files = [
  ['.remendo/state.json', limits.answerBytesMax],
  ['.remendo/blocked.json', limits.answerBytesMax],
  ['.remendo/manifest.json', limits.manifestBytesMax],
  ['version.txt', limits.versionTextBytesMax],
] as const;

const ownFiles: readonly HostileFixture[] = [
  ...files.flatMap(([path, bytesMax]) => {
    const name = (path.split('/').at(-1) ?? '').replace('.', '-');
    return [
      ownFile(`${name}-depth-bomb`, 'half a million arrays in each other', path, () => nestedArrays(500_000)),
      ownFile(`${name}-number-bomb`, 'a number of a million digits', path, () => Buffer.from('9'.repeat(1_000_000))),
      ownFile(`${name}-too-long`, 'more than is ever read', path, () => new Uint8Array(bytesMax + 1)),
      ownFile(`${name}-empty`, 'no bytes', path, () => new Uint8Array()),
      ownFile(`${name}-no-text`, 'bytes that are no text', path, () => new Uint8Array(500).fill(0xff)),
      ownFile(`${name}-escape`, 'a line that clears the screen', path, () => Buffer.from('1.0.0\u001b[2J\n')),
    ];
  }),
  ownFile('state-duplicate-key', 'a key twice', '.remendo/state.json', () =>
    Buffer.from(state({}).toString().replace('{', '{"version":"9.9.9",')),
  ),
  ownFile('state-prototype', 'a key that changes every object', '.remendo/state.json', () =>
    Buffer.from(state({}).toString().replace('{', '{"__proto__":{"x":1},')),
  ),
  ownFile('state-header-injection', 'a name that is a header of its own', '.remendo/state.json', () =>
    state({ terminalId: 'a\r\nx-evil: 1' }),
  ),
  ownFile('state-other-manifest', 'a manifest digest that is not the installed one', '.remendo/state.json', () => state({})),
  ownFile('blocked-too-many', 'a list of a hundred thousand versions', '.remendo/blocked.json', () =>
    Buffer.from(JSON.stringify(Array(100_000).fill('1.0.1'))),
  ),
  ownFile('blocked-prototype', 'an object instead of a list', '.remendo/blocked.json', () =>
    Buffer.from('{"__proto__":["1.0.1"],"length":1}'),
  ),
];

const blocked = 'TRANSACTION_PATH_BLOCKED';
const link = (
  name: string,
  attack: string,
  code: HostileFixture['code'],
  path: string,
  leadsTo: 'folder' | 'file',
): HostileFixture => hostile(`link-${name}`, attack, code, () => ({ kind: 'link', path, leadsTo }));

/** Names in the folder of downloads are known beforehand; `DIGEST` stands for what the update fetches first. */
const links: readonly HostileFixture[] = [
  link('home', "a link in place of the updater's folder: all it writes goes elsewhere", blocked, '.remendo', 'folder'),
  link('downloads', 'a link in place of the downloads', blocked, '.remendo/downloads', 'folder'),
  link('staging', 'a link in place of staging', blocked, '.remendo/staging', 'folder'),
  link('previous', 'a link in place of the way back', blocked, '.remendo/previous', 'folder'),
  link('journal', 'a link in place of the journal', blocked, '.remendo/journal', 'file'),
  link(
    'reserve',
    "a link in place of the journal's reserve: 64 KiB of zeros over somebody's file",
    blocked,
    '.remendo/journal.reserve',
    'file',
  ),
  link('download', 'a link by the name of what is fetched next', null, '.remendo/downloads/DIGEST', 'file'),
  link('download-part', 'a link by the name of the part of what is fetched next', null, '.remendo/downloads/DIGEST.part', 'file'),
  link('state', 'a link in place of the state', blocked, '.remendo/state.json', 'file'),
  link('manifest', 'a link in place of the manifest', blocked, '.remendo/manifest.json', 'file'),
  link('version', 'a link in place of version.txt', blocked, 'version.txt', 'file'),
  link('release-file', "a link in place of a release's file", blocked, 'data.bin', 'file'),
  link('release-folder', "a link in place of a release's folder", blocked, 'data.bin', 'folder'),
];

/** What is proved by one opening and used by the next is not proved: whatever is read is proved by the handle it is read from. */
const swaps: readonly HostileFixture[] = (['delta', 'zip'] as const).flatMap((plan) => [
  hostile(`swap-${plan}`, `a download that was verified, and is another file when it is used`, 'DOWNLOAD_DIGEST_MISMATCH', () => ({
    kind: 'swap',
    plan,
    opening: 2,
  })),
  hostile(`swap-${plan}-later`, 'the same one opening later: there is none', null, () => ({ kind: 'swap', plan, opening: 3 })),
]);

export const installFixtures: readonly HostileFixture[] = [...journals, ...ownFiles, ...links, ...swaps];
