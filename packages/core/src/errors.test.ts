import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { errorCatalogue, errorChain, hasCode, isUpdaterError, UpdaterError } from './errors.js';

const document = new URL('../../../docs/errors.md', import.meta.url);

/** The rows of the document's table of codes, as they should be. */
const rows = Object.entries(errorCatalogue).map(
  ([code, { retry, sentence }]) => `| \`${code}\` | ${code.split('_', 1)[0]} | ${retry} | ${sentence} |`,
);

describe('docs/errors.md', () => {
  it('lists every code of the catalogue, in its order, and no other', async () => {
    const text = await readFile(document, 'utf8');
    expect(text.split('\n').filter((line) => line.startsWith('| `'))).toEqual(rows);
  });

  it('says what each class of retry means', async () => {
    const text = await readFile(document, 'utf8');
    for (const retry of new Set(Object.values(errorCatalogue).map((entry) => entry.retry))) expect(text).toContain(`**${retry}**`);
  });
});

describe('the catalogue', () => {
  it.each(Object.entries(errorCatalogue))('%s is one sentence', (code, { sentence }) => {
    expect(code).toMatch(/^[A-Z]+(_[A-Z]+)+$/);
    expect(sentence).toMatch(/^[A-Z][^|\n]*\.$/);
  });
});

describe('an error', () => {
  const cause = new Error('ENOSPC');
  const inner = new UpdaterError('STORAGE_NO_SPACE', 'write of a found no free space', { cause, details: { path: 'a' } });
  const outer = new UpdaterError('DOWNLOAD_FAILED', 'the range could not be kept', { cause: inner });

  it('is told from others by its code', () => {
    expect([
      hasCode(inner, 'STORAGE_FAILED', 'STORAGE_NO_SPACE'),
      hasCode(inner, 'STORAGE_FAILED'),
      hasCode(cause, 'STORAGE_FAILED'),
    ]).toEqual([true, false, false]);
    expect([isUpdaterError(inner), isUpdaterError(cause), isUpdaterError(null)]).toEqual([true, false, false]);
    expect([inner.retry, inner.details]).toEqual(['after-action', { path: 'a' }]);
  });

  it('is printed with everything that led to it', () => {
    expect(errorChain(outer)).toEqual([
      'DOWNLOAD_FAILED: the range could not be kept',
      'STORAGE_NO_SPACE: write of a found no free space',
      'ENOSPC',
    ]);
  });

  it('is printed to an end, though its causes have none', () => {
    const loop = new Error('again');
    loop.cause = loop;
    expect(errorChain(loop).length).toBe(16);
    expect(errorChain('a text')).toEqual(['a text']);
    expect(errorChain(undefined)).toEqual([]);
  });
});
