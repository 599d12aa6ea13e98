import { PassThrough } from 'node:stream';
import { UpdaterError } from '@remendo/core';
import { describe, expect, it } from 'vitest';
import { Interrupted } from '../exit-codes.js';
import { createOutput, type Streams } from './output.js';
import { printError } from './print-error.js';
import { printable, printableLines } from './printable.js';
import { bytesText, countText, shareText } from './quantity.js';
import { toSnakeCase } from './snake-case.js';
import { tableLines } from './table.js';

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
