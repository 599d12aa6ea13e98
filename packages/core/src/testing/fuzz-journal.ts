import { digestOf } from '../hash/digest.js';
import { parseJournalBytes } from '../transaction/journal.js';
import { encodeRecord, type JournalRecord } from '../transaction/journal-record.js';
import type { FuzzTarget } from './fuzz.js';

const release = { version: '1.0.1', manifestDigest: digestOf('manifest') };
const content = { bytes: 5, sha256: digestOf('bytes'), mode: 0o644 };

const records: readonly JournalRecord[] = [
  { type: 'begun', format: 'remendo-journal-1', transaction: 'id-1', base: null, target: release },
  { type: 'change', index: 0, place: 'root', path: 'bin/app.exe', basePath: 'bin/app.exe', base: content, target: content },
  { type: 'change', index: 2, place: 'home', path: 'state.json', basePath: 'state.json', base: null, target: content },
  { type: 'directory', path: 'bin', baseMode: 0o755 },
  { type: 'staged', changes: 2, directories: 1 },
  { type: 'base', index: 0, base: { ...content, bytes: 6 } },
  { type: 'committing' },
  { type: 'committed' },
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
    Buffer.from('{"type":"change","index":1,"place":"root","path":"../x","basePath":"C:\\\\x","base":null,"target":null}'),
  ],
};
