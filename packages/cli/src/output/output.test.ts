import { PassThrough } from 'node:stream';
import { UpdaterError } from '@remendo/core';
import { describe, expect, it } from 'vitest';
import { Interrupted } from '../exit-codes.js';
import { causeLines } from './delta-causes.js';
import { createOutput, type Streams } from './output.js';
import { printError } from './print-error.js';
import { printable, printableLines } from './printable.js';
import { bytesText, countText, quantities, shareText } from './quantity.js';
import { toSnakeCase } from './snake-case.js';
import { tableLines } from './table.js';
import { transformTable } from './transform-table.js';

describe('what the bytes of a delta are for', () => {
  it('is a table with the most first, without what takes none', () => {
    const causes = {
      bytes: 9_000,
      blocks: 0,
      transforms: 0,
      patchHeaders: 3,
      wholes: 990,
      index: 7,
      manifestDifference: 0,
      unread: 0,
    };
    expect(causeLines(causes)).toEqual([
      'what for              bytes',
      'wrong and new bytes   9,000     90 %',
      'whole contents          990    9.9 %',
      'index                     7    0.1 %',
      'heads of patches          3  < 0.1 %',
      'sum                  10,000    100 %',
    ]);
  });

  it('tells what transforms see in words, and what they save where somebody measured it', () => {
    const counts = { baseStreams: 1, targetStreams: 1_200, correctedStreams: 0 };
    const containers = { patch: '3', name: 'containers', dataBytes: 1_234, counts, savedBytes: null } as const;
    const { columns, rows } = transformTable('patch', [containers]);
    expect(tableLines(columns, rows)).toEqual([
      'patch  transform    data  sees',
      '3      containers  1,234  1 base stream, 1,200 target streams',
    ]);
    const measured = transformTable('patch', [containers, { ...containers, name: 'references', counts: {}, savedBytes: 90_000 }]);
    expect(tableLines(measured.columns, measured.rows)).toEqual([
      'patch  transform    data   saves  sees',
      '3      containers  1,234          1 base stream, 1,200 target streams',
      '3      references  1,234  90,000',
    ]);
  });
});

describe('what is printed with --json', () => {
  it('has text from outside as it is written in JSON, and nothing that a screen obeys', () => {
    const stdout = new PassThrough();
    const output = createOutput({ stdout, stderr: new PassThrough() } as unknown as Streams, { json: true });
    const hostile = 'a\u001b[2J\u009b2J\u2028\u202eb\r\n';
    output.document({ name: hostile });
    output.event('failed', { reason: hostile });
    const text = String(stdout.read());
    expect(text.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
    expect(JSON.parse(text.slice(0, text.indexOf('}') + 1))).toEqual({ name: hostile });
  });
});

describe('quantities', () => {
  it('sizes have three digits and decimal units', () => {
    const texts = [0, 1, 999, 1_000, 12_345, 999_499, 999_500, 355_100_000, 4.6e12, 5e15].map(bytesText);
    expect(texts).toEqual([
      '0 bytes',
      '1 byte',
      '999 bytes',
      '1.00 kB',
      '12.3 kB',
      '999 kB',
      '1.00 MB',
      '355 MB',
      '4.60 TB',
      '5000 TB',
    ]);
  });

  it('shares of nothing and next to nothing are told apart', () => {
    expect([shareText(1, 100_000), shareText(0, 5), shareText(1, 8), shareText(3, 3), shareText(0, 0)]).toEqual([
      '< 0.1 %',
      '0.0 %',
      '13 %',
      '100 %',
      '100 %',
    ]);
  });

  it('counts have a plural', () => {
    expect([countText(1, 'file'), countText(0, 'file'), countText(1_234, 'file')]).toEqual(['1 file', '0 files', '1,234 files']);
  });

  it.each([
    ['en', 'en-US'],
    ['pt', 'pt-BR'],
    ['it', 'it-IT'],
  ] as const)('numbers are grouped as %s has it', (language, locale) => {
    const expected = new Intl.NumberFormat(locale, { useGrouping: true });
    for (const number of [0, 7, 999, 1_000, 54_321, 999_999, 1_234_567, 12_345_678_901, -1_234, 0.5, 1_234.56])
      expect(quantities[language].number(number)).toBe(expected.format(number));
  });
});

describe('text from outside', () => {
  it('can not drive a terminal', () => {
    expect(printable('a\u001b[2Jb\u202ec\u0007d\ne')).toBe('a\ufffd[2Jb\ufffdc\ufffdd\ufffde');
    expect(printableLines('one\r\ntwo\u001b')).toEqual(['one', 'two\ufffd']);
    expect(printable('não há 1.0.1')).toBe('não há 1.0.1');
  });
});

describe('tables and JSON', () => {
  it('columns are as wide as their widest cell, numbers stand to the right', () => {
    const lines = tableLines(
      [{ title: 'name' }, { title: 'size', align: 'right' }],
      [
        ['a', '1'],
        ['longer', '12345'],
      ],
    );
    expect(lines).toEqual(['name     size', 'a           1', 'longer  12345']);
  });

  it('keys become snake_case at every depth, values stay', () => {
    expect(toSnakeCase({ manifestDigest: 'aB', list: [{ storedBytes: 1 }], none: null, left: undefined })).toEqual({
      manifest_digest: 'aB',
      list: [{ stored_bytes: 1 }],
      none: null,
    });
  });
});

describe('failures', () => {
  const failed = (error: unknown, json: boolean) => {
    const [stdout, stderr] = [new PassThrough(), new PassThrough()];
    printError(createOutput({ stdout, stderr } as unknown as Streams, { json }), error);
    return { stdout: String(stdout.read() ?? ''), stderr: String(stderr.read() ?? '') };
  };

  it('say what to do next where the code alone does not', () => {
    const error = new UpdaterError('DOWNLOAD_INSECURE', 'http://example.com is plain http to another machine');
    expect(failed(error, false).stderr).toContain('--allow-insecure');
  });

  it('an interruption is a JSON line like every other failure', () => {
    expect(JSON.parse(failed(new Interrupted('SIGTERM'), true).stdout)).toEqual({
      event: 'error',
      code: null,
      message: 'interrupted by SIGTERM',
    });
  });
});
