import { describe, expect, it } from 'vitest';
import { hasCode } from '../errors.js';
import { fuzzJournal, sampleJournal } from '../testing/fuzz/fuzz-journal.js';
import { runFuzz } from '../testing/fuzz/run-fuzz.js';
import { parseJournalBytes } from './journal.js';
import { encodeRecord, type JournalRecord } from './journal-record.js';

const seed = Number(process.env.REMENDO_TEST_SEED ?? 7) | 0;

const linesOf = (journal: Uint8Array) =>
  Buffer.from(journal)
    .toString('latin1')
    .split(/(?<=\n)/);
const parse = (lines: readonly string[]) => parseJournalBytes(Buffer.from(lines.join(''), 'latin1'));
const isInvalid = (error: unknown) => hasCode(error, 'TRANSACTION_JOURNAL_INVALID');
const insert = (record: JournalRecord, line: number) => {
  const lines = linesOf(sampleJournal());
  return [...lines.slice(0, line), Buffer.from(encodeRecord(record)).toString('latin1'), ...lines.slice(line)];
};

describe(`the journal (seed ${seed})`, () => {
  it('tells the last state and everything that was promised', async () => {
    const { contents, validBytes } = await parseJournalBytes(sampleJournal());
    expect(contents).toMatchObject({
      transaction: 'id-1',
      base: null,
      state: 'rolled_back',
      starts: 1,
      reason: 'START_FAILED: it ended with 1',
    });
    expect(contents.slots.map((slot) => [slot.index, slot.path, slot.base?.bytes ?? null])).toEqual([
      [0, 'bin/app.exe', 6],
      [2, 'state.json', null],
    ]);
    expect(validBytes).toBe(sampleJournal().length);
  });

  it('ignores whatever follows the last whole state, at any byte', async () => {
    const journal = Buffer.from(sampleJournal());
    const first = linesOf(journal)[0]?.length ?? 0;
    for (let end = first; end <= journal.length; end++) {
      const { validBytes } = await parseJournalBytes(journal.subarray(0, end));
      expect(validBytes).toBeLessThanOrEqual(end);
      const garbled = await parseJournalBytes(Buffer.concat([journal.subarray(0, end), Buffer.from('\0\0\n\nnoise\n\xff')]));
      expect(garbled.validBytes).toBe(validBytes);
    }
  });

  it('refuses a state behind something that can not be read', async () => {
    const lines = linesOf(sampleJournal());
    for (let index = 0; index < lines.length - 1; index++) {
      await expect(parse(lines.map((line, at) => (at === index ? line.replace(/"/, "'") : line)))).rejects.toSatisfy(isInvalid);
    }
  });

  it('ignores changes that are whole behind one that is not, as long as no state relies on them', async () => {
    const lines = linesOf(sampleJournal());
    const torn = [lines[0] ?? '', (lines[1] ?? '').replace('"', "'"), lines[2] ?? '', lines[3] ?? ''];
    const { contents } = await parse(torn);
    expect(contents.state).toBe('begun');
    expect(contents.slots).toEqual([]);
  });

  it.each<[string, JournalRecord, number]>([
    [
      'a second beginning',
      {
        type: 'begun',
        format: 'remendo-journal-1',
        transaction: 'x',
        base: null,
        target: { version: '1', manifestDigest: 'a'.repeat(64) },
      },
      3,
    ],
    ['a state out of order', { type: 'confirmed' }, 1],
    ['a wrong count of changes', { type: 'staged', changes: 7, directories: 0 }, 2],
    ['a change out of order', { type: 'change', index: 0, place: 'root', path: 'x', basePath: 'x', base: null, target: null }, 3],
    ['an unsafe path', { type: 'change', index: 9, place: 'root', path: '../x', basePath: 'x', base: null, target: null }, 3],
    [
      "the updater's own path",
      { type: 'change', index: 9, place: 'root', path: '.remendo/lock', basePath: 'x', base: null, target: null },
      3,
    ],
    [
      'another file of the home',
      { type: 'change', index: 9, place: 'home', path: 'lock', basePath: 'lock', base: null, target: null },
      3,
    ],
    ['an unsafe directory', { type: 'directory', path: 'a/../..', baseMode: null }, 3],
    ['a version that is too long', { type: 'rolling_back', reason: 'x'.repeat(201) }, 7],
  ])('refuses %s', async (_, record, line) => {
    await expect(parse(insert(record, line))).rejects.toSatisfy(isInvalid);
  });

  it('refuses an empty one', async () => {
    await expect(parse([])).rejects.toSatisfy(isInvalid);
  });

  it('gives a value or an UpdaterError for any bytes', async () => {
    const options = { durationMs: Infinity, runsMax: 3_000, seed, now: () => performance.now() };
    const report = await runFuzz(fuzzJournal, options);
    expect(report.runs).toBeGreaterThanOrEqual(3_000);
    expect(report.accepted).toBeGreaterThan(0);
  });
});
