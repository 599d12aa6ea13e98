/**
 * Text that no database takes, refused before anything is done with it: the character NUL, and halves of surrogate pairs,
 * which are no characters. JSON can write both as escapes, and a query can write NUL.
 */
import { UpdaterError } from '@remendo/core';
import type { FastifyRequest } from 'fastify';
import type { App } from '../routes/app-ports.js';

const depthMax = 32;
const unstorable = /[\0\p{Cs}]/u;

export function requestText(app: App): void {
  app.addHook('preValidation', (request, _reply, done) => {
    done(
      hasUnstorable(request) ? new UpdaterError('REQUEST_INVALID', 'text must not have NUL or halves of characters') : undefined,
    );
  });
}

/** @throws UpdaterError REQUEST_INVALID for text that can not be stored. */
export function requireStorable(name: string, text: string): string {
  if (unstorable.test(text)) throw new UpdaterError('REQUEST_INVALID', `${name} must not have NUL or halves of characters`);
  return text;
}

function hasUnstorable({ url, body }: FastifyRequest): boolean {
  return url.includes('%00') || isUnstorable(body);
}

/** Whether such text is anywhere in a value, names included. What is nested deeper than anything of ours counts as such. */
export function isUnstorable(value: unknown, depth = 0): boolean {
  if (typeof value === 'string') return unstorable.test(value);
  if (typeof value !== 'object' || value === null) return false;
  if (depth > depthMax) return true;
  if (Array.isArray(value)) return value.some((item) => isUnstorable(item, depth + 1));
  return Object.entries(value).some(([name, item]) => unstorable.test(name) || isUnstorable(item, depth + 1));
}
