import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateRawSync } from 'node:zlib';
import { afterAll, describe, expect, it } from 'vitest';
import { reportProducer } from './deflate-proof.js';

const folder = mkdtempSync(join(tmpdir(), 'remendo-proof-test-'));
afterAll(() => rmSync(folder, { recursive: true }));
const plains = [new Uint8Array(), new TextEncoder().encode('one line of text, one line\n'.repeat(400)), new Uint8Array(100_000)];

describe('the deflate proof', () => {
  it('counts what is made exactly', () => {
    const node = { name: 'node', make: (path: string) => deflateRawSync(readFileSync(path)) };
    expect(reportProducer(node, plains, folder)).toMatchObject({ streams: 3, exact: 3, corrected: 0 });
  });

  it('counts what is made with corrections, and what is stored not at all', () => {
    const huffman = {
      name: 'fixed',
      make: (path: string) => (readFileSync(path).length === 0 ? null : deflateRawSync(readFileSync(path), { level: 0 })),
    };
    const report = reportProducer(huffman, plains, folder);
    expect(report).toMatchObject({ streams: 2, exact: 0, corrected: 2 });
    expect(report?.correctionsBytes).toBeLessThan((report?.correctedBytes ?? 0) / 100);
  });

  it('says when a producer is not installed', () => {
    const missing = Object.assign(new Error('spawn ENOENT'), { code: 'ENOENT' });
    const absent = {
      name: 'absent',
      make: (): Uint8Array => {
        throw missing;
      },
    };
    expect(reportProducer(absent, plains, folder)).toBeNull();
  });
});
