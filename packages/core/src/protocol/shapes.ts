/** Shapes that the messages of several subjects share. */
import { type TSchema, Type } from 'typebox';

export const digest = Type.String({ pattern: '^[0-9a-f]{64}$', description: 'SHA-256 in lower-case hex' });
export const bytes = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
export const version = Type.String({ minLength: 1, maxLength: 64 });
export const slug = Type.String({ pattern: '^[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?$', maxLength: 64 });
/** Text of one line for people. */
export const line = Type.String({ maxLength: 1_000 });
/** RFC 3339, UTC. */
export const moment = Type.String({ maxLength: 40, format: 'date-time' });

export const literals = <const T extends readonly string[]>(values: T) =>
  Type.Unsafe<T[number]>({ type: 'string', enum: [...values] });

export const nullable = <T extends TSchema>(shape: T) => Type.Union([shape, Type.Null()]);
