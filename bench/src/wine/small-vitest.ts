/**
 * As much of vitest as the file system's contract uses, for a place where vitest does not run. The contract is bundled with
 * this in its place.
 */
import { isDeepStrictEqual } from 'node:util';

export interface Verdict {
  readonly name: string;
  /** Null: it holds. */
  readonly failure: string | null;
}

interface Test {
  readonly name: string;
  readonly run: () => Promise<unknown>;
}

const tests: Test[] = [];
const before: (() => unknown)[] = [];
const after: (() => unknown)[] = [];

export const describe = (_name: string, body: () => void): void => body();
export const beforeEach = (body: () => unknown): void => void before.push(body);
export const afterEach = (body: () => unknown): void => void after.push(body);
export const it = Object.assign((name: string, run: () => Promise<unknown>): void => void tests.push({ name, run }), {
  each: (values: readonly unknown[]) => (name: string, run: (value: unknown) => Promise<unknown>) => {
    for (const value of values) tests.push({ name: name.replace('%s', String(value)), run: () => run(value) });
  },
});

/** Runs what was described, one after the other. */
export async function runTests(onVerdict: (verdict: Verdict) => void): Promise<void> {
  for (const { name, run } of tests) {
    let failure: string | null = null;
    try {
      for (const body of before) await body();
      await run();
    } catch (error) {
      failure = error instanceof Error ? error.message : String(error);
    }
    for (const body of after) await body();
    onVerdict({ name, failure });
  }
}

function matches(value: unknown, expected: unknown): boolean {
  if (typeof expected !== 'object' || expected === null) return Object.is(value, expected);
  if (typeof value !== 'object' || value === null) return false;
  return Object.entries(expected).every(([key, part]) => matches((value as Record<string, unknown>)[key], part));
}

const shown = (value: unknown): string => (value instanceof Error ? `${value.name}: ${value.message}` : JSON.stringify(value));

function matchersOf(value: unknown) {
  const hold = (holds: boolean, what: string): void => {
    if (!holds) throw new Error(`${shown(value)} is not ${what}`);
  };
  return {
    toBe: (expected: unknown) => hold(Object.is(value, expected), shown(expected)),
    toEqual: (expected: unknown) => hold(isDeepStrictEqual(value, expected), shown(expected)),
    toMatchObject: (expected: unknown) => hold(matches(value, expected), `like ${shown(expected)}`),
    toBeNull: () => hold(value === null, 'null'),
    toBeGreaterThan: (least: number) => hold(Number(value) > least, `more than ${least}`),
    toSatisfy: (check: (value: unknown) => boolean) => hold(check(value), 'what it should be'),
  };
}

type Matchers = ReturnType<typeof matchersOf>;
type Rejects = { readonly [Name in keyof Matchers]: (...args: Parameters<Matchers[Name]>) => Promise<void> };

export const expect = (value: unknown): Matchers & { readonly rejects: Rejects } => ({
  ...matchersOf(value),
  rejects: new Proxy({} as Rejects, {
    get: (_target, name) => async (expected: never) => {
      const error = await (value as Promise<unknown>).then(
        () => Promise.reject(new Error('it did not fail')),
        (reason: unknown) => reason,
      );
      matchersOf(error)[name as keyof Matchers](expected);
    },
  }),
});
