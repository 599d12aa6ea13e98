/** An output that nobody reads on a console: what commands say with --json, as values for another program. */
import pc from 'picocolors';
import type { Language } from '../language.js';
import type { Output } from '../output/output.js';
import { toSnakeCase } from '../output/snake-case.js';

export interface CollectedOutput {
  readonly output: Output;
  /** The last document or result, its names in snake_case; empty before there is one. */
  readonly said: () => Readonly<Record<string, unknown>>;
}

const nothing = (): void => {};

/** Remarks and steps are dropped: those that matter are in `update.log`. */
export function collectOutput(language: Language): CollectedOutput {
  let said: Readonly<Record<string, unknown>> = {};
  const keep = (value: object): void => {
    said = toSnakeCase(value) as Readonly<Record<string, unknown>>;
  };
  return {
    said: () => said,
    output: {
      json: true,
      language,
      colors: pc.createColors(false),
      progress: { step: nothing, at: nothing, interrupt: nothing, end: nothing },
      line: nothing,
      raw: nothing,
      document: keep,
      event: nothing,
      result: keep,
      note: nothing,
      warn: nothing,
    },
  };
}
