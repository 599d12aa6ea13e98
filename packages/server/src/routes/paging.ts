/** Pages of lists: as many records as asked for, and a cursor to what follows, which means something to this server only. */
import { UpdaterError } from '@remendo/core';
import { Type } from 'typebox';

const pageRecords = '100';

export const pageQuery = {
  /** Records of a page, 1 … 500. Text, as everything in a query. */
  limit: Type.Optional(Type.String({ pattern: '^(?:[1-9]\\d?|[1-4]\\d\\d|500)$', description: 'Records of a page: 1 to 500' })),
  /** The `next` of the page before; left out: the first page. */
  after: Type.Optional(Type.String({ pattern: '^[A-Za-z0-9_-]{1,400}$' })),
};

export interface AskedPage {
  readonly limit?: string | undefined;
  readonly after?: string | undefined;
}

export interface Page {
  readonly limit: number;
  /** What the last record of the page before is named by; null: there is none. */
  readonly after: string | null;
}

/** @throws UpdaterError REQUEST_INVALID for a cursor that this server did not make. */
export function pageOf({ limit = pageRecords, after }: AskedPage): Page {
  return { limit: Number(limit), after: after === undefined ? null : Buffer.from(after, 'base64url').toString() };
}

/** The same, where records are named by numbers. @throws UpdaterError REQUEST_INVALID. */
export function numberedPageOf(asked: AskedPage): { readonly limit: number; readonly after: number | null } {
  const { limit, after } = pageOf(asked);
  if (after !== null && !/^\d{1,15}$/.test(after))
    throw new UpdaterError('REQUEST_INVALID', 'query/after is no cursor of this list');
  return { limit, after: after === null ? null : Number(after) };
}

/**
 * Splits what was read, one record more than the page takes, into the page and the cursor to the next one.
 * @param nameOf what a record is named by, as `after` gets it back.
 */
export function cutPage<Row>(rows: readonly Row[], limit: number, nameOf: (row: Row) => string | number) {
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  const next = rows.length > limit && last !== undefined ? Buffer.from(String(nameOf(last))).toString('base64url') : null;
  return { page, next };
}
