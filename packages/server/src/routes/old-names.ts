/** Fields by the names that older programs have for them: taken in requests, told in answers to those who ask for them. */
import { oldAccountNames, oldLimitNames } from '@remendo/core/protocol';
import type { FastifyRequest, preValidationHookHandler } from 'fastify';
import { Type } from 'typebox';

type Names = Readonly<Record<string, string>>;

export const compatHeaders = {
  'x-compat': Type.Optional(Type.String({ maxLength: 64, description: 'netgescon-1: the answer has old names too' })),
};

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Before the body is looked at by the schema, which knows the new names only. Where both are given, the new one counts. */
export const takeOldNames: preValidationHookHandler = (request, _reply, done) => {
  if (isObject(request.body)) {
    rename(request.body, oldAccountNames);
    if (isObject(request.body.limits)) rename(request.body.limits, oldLimitNames);
  }
  done();
};

function rename(fields: Record<string, unknown>, names: Names): void {
  for (const [old, name] of Object.entries(names)) {
    if (!Object.hasOwn(fields, old)) continue;
    if (!Object.hasOwn(fields, name)) fields[name] = fields[old];
    delete fields[old];
  }
}

/** The answer with the old names beside the new ones, when the request has `X-Compat: netgescon-1`. */
export function withOldNames<Answer extends object>(
  request: FastifyRequest,
  answer: Answer,
  names: Names = oldAccountNames,
): Answer {
  if (request.headers['x-compat'] !== 'netgescon-1') return answer;
  const doubled = double(answer, names);
  if ('limits' in doubled && isObject(doubled.limits)) return { ...doubled, limits: double(doubled.limits, oldLimitNames) };
  return doubled;
}

function double<Fields extends object>(fields: Fields, names: Names): Fields {
  const known = new Map<string, unknown>(Object.entries(fields));
  const old = Object.entries(names).filter(([, name]) => known.has(name));
  return { ...fields, ...Object.fromEntries(old.map(([name, of]) => [name, known.get(of)])) };
}
