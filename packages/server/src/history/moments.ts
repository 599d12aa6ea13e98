/** Moments as people and terminals write them, RFC 3339. */
import { UpdaterError } from '@remendo/core';

const firstMs = 0;
const lastMs = Date.parse('9999-12-31T23:59:59.999Z');

/** @throws UpdaterError REQUEST_INVALID for what is no moment, or one that the database could not tell: before 1970, after 9999. */
export function parseMoment(name: string, text: string): Date {
  const moment = new Date(text);
  if (moment.getTime() >= firstMs && moment.getTime() <= lastMs) return moment;
  throw new UpdaterError('REQUEST_INVALID', `${name} is no moment from 1970 to 9999: ${JSON.stringify(text.slice(0, 40))}`);
}

export const parseMomentOrNull = (name: string, text: string | null | undefined): Date | null =>
  text === null || text === undefined ? null : parseMoment(name, text);

export const momentOrNull = (moment: Date | null): string | null => moment?.toISOString() ?? null;
