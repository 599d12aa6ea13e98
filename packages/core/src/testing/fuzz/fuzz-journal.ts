import fc from 'fast-check';
import { digestOf } from '../../hash/digest.js';
import { parseJournalBytes } from '../../transaction/journal.js';
import { encodeRecord, type JournalRecord } from '../../transaction/journal-record.js';
import { hostileSeeds } from './fuzz-hostile.js';
import type { FuzzTarget } from './fuzz-target.js';
import { type Json, variedJson } from './vary-json.js';

const release = { version: '1.0.1', manifestDigest: digestOf('manifest') };
const run = { command: 'migrate', args: ['--to', '1.0.1'], folder: '/install', timeLimitMs: 600_000 };
const content = { bytes: 5, sha256: digestOf('bytes'), mode: 0o644 };

const records: readonly JournalRecord[] = [
  { type: 'begun', format: 'remendo-journal-1', transaction: 'id-1', base: null, target: release },
  { type: 'change', index: 0, place: 'root', path: 'bin/app.exe', basePath: 'bin/app.exe', base: content, target: content },
  { type: 'change', index: 2, place: 'home', path: 'state.json', basePath: 'state.json', base: null, target: content },
  { type: 'directory', path: 'bin', baseMode: 0o755 },
  { type: 'staged', changes: 2, directories: 1 },
  { type: 'base', index: 0, base: { ...content, bytes: 6 } },
  { type: 'step_planned', phase: 'after', name: 'Migrate', run, undo: run, changesData: true, backupPath: '/backups/erp.sql' },
  { type: 'steps', count: 1, rollbackCompatible: false },
  { type: 'committing' },
  { type: 'committed' },
  { type: 'step', index: 0, mark: 'began', process: { pid: 77, startedAt: 'linux:boot:1' } },
  { type: 'held', reason: 'Migrate: it ended with exit code 1' },
  { type: 'started' },
  { type: 'rolling_back', reason: 'START_FAILED: it ended with 1' },
  { type: 'rolled_back' },
];

/** A whole journal with every kind of record but two. */
export const sampleJournal = (): Uint8Array => Buffer.concat(records.map(encodeRecord));

/**
 * The journal's reader. Most changed bytes fail at a checksum, so it also gets every input as the JSON of one record
 * with a right checksum, behind a whole beginning.
 */
export const fuzzJournal: FuzzTarget = {
  name: 'journal',
  async run(bytes) {
    const line = Buffer.from(bytes).subarray(0, 4_096);
    if (!line.includes(0x0a)) {
      const checked = Buffer.concat([Buffer.from(`${digestOf(line).slice(0, 16)} `), line, Buffer.from('\n')]);
      const beginning = Buffer.concat(records.slice(0, 2).map(encodeRecord));
      await parseJournalBytes(Buffer.concat([beginning, checked]));
      return;
    }
    const { contents, validBytes } = await parseJournalBytes(bytes);
    if (validBytes > bytes.length || contents.transaction === '') throw new Error('the reader made something up');
  },
  seeds: async () => [
    sampleJournal(),
    sampleJournal().subarray(0, 900),
    ...records.map((record) => Buffer.from(JSON.stringify(record))),
    ...(await hostileSeeds('journal', ({ bytes }) => bytes)),
    Buffer.from('{"type":"change","index":1,"place":"root","path":"../x","basePath":"C:\\\\x","base":null,"target":null}'),
  ],
  made: () => journals(),
};

/** Records in nearly any order, some of them varied, each with a right checksum; most behind a right first one. */
function journals(): fc.Arbitrary<Uint8Array> {
  const any = records.map((record) =>
    fc.oneof({ arbitrary: fc.constant<unknown>(record), weight: 4 }, variedJson(record as unknown as Json)),
  );
  const rest = fc.oneof(fc.shuffledSubarray([...records.slice(1)]), fc.array(fc.oneof(...any), { maxLength: 14 }), inOrder);
  return fc
    .tuple(fc.oneof({ arbitrary: fc.constant<unknown>(records[0]), weight: 5 }, ...any.slice(0, 1)), rest)
    .map(([first, others]) => Buffer.concat([first, ...others].map((record) => encodeRecord(record as JournalRecord))));
}

/** The journal as it is, without some of its records, or with some of them twice. */
const inOrder = fc
  .array(fc.constantFrom(0, 1, 1, 1, 1, 2), { minLength: records.length - 1, maxLength: records.length - 1 })
  .map((counts) => records.slice(1).flatMap((record, index) => Array.from({ length: counts[index] ?? 1 }, () => record)));
