/**
 * Where a command writes. For people: the result on the standard output, progress and remarks on the error output.
 * With --json: one document, or one line per event, on the standard output, and everything else on the error output.
 */
import { escapeUnprintable } from '@remendo/core';
import pc from 'picocolors';
import type { Language } from '../language.js';
import { outputMessages } from './messages.js';
import { createProgress, type Progress } from './progress.js';
import { toSnakeCase } from './snake-case.js';

export type Colors = ReturnType<typeof pc.createColors>;

export interface Output {
  readonly json: boolean;
  /** Of lines for people. */
  readonly language: Language;
  /** For the standard output; no colours where it is not a terminal, or with NO_COLOR. */
  readonly colors: Colors;
  readonly progress: Progress;
  /** A line of the result; nothing with --json. */
  line(text?: string): void;
  /** Bytes of the result as they are, without a line feed. */
  raw(bytes: Uint8Array): void;
  /** The result as a JSON document; nothing without --json. Keys become snake_case. */
  document(value: object): void;
  /** One JSON line; nothing without --json. Keys become snake_case. */
  event(name: string, fields?: object): void;
  /** The last JSON line of a command that has events; later events are left out. Nothing without --json. */
  result(fields: object): void;
  /** A remark on the error output. */
  note(text: string): void;
  /** A remark that should not be overlooked. */
  warn(text: string): void;
}

export interface Streams {
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
}

/** picocolors looks at the standard output only; each stream has its own answer. */
function colorsFor(stream: NodeJS.WriteStream): Colors {
  const { env } = process;
  const forced = env.FORCE_COLOR !== undefined && env.FORCE_COLOR !== '0';
  return pc.createColors((env.NO_COLOR ?? '') === '' && (forced || (stream.isTTY === true && env.TERM !== 'dumb')));
}

export interface OutputOptions {
  readonly json: boolean;
  /** Default: English. */
  readonly language?: Language;
}

export function createOutput({ stdout, stderr }: Streams, options: OutputOptions): Output {
  const { language = 'en' } = options;
  const errorColors = colorsFor(stderr);
  const progress = createProgress(stderr, language);
  let hasResult = false;
  const event = (name: string, fields: object = {}): void => {
    if (options.json && !hasResult)
      stdout.write(`${escapeUnprintable(JSON.stringify({ event: name, ...(toSnakeCase(fields) as object) }))}\n`);
  };
  const remark = (text: string): void => {
    progress.interrupt();
    stderr.write(`${text}\n`);
  };
  return {
    json: options.json,
    language,
    colors: colorsFor(stdout),
    progress,
    line(text = '') {
      if (options.json) return;
      progress.interrupt();
      stdout.write(`${text}\n`);
    },
    raw: (bytes) => void stdout.write(bytes),
    document(value) {
      if (options.json) stdout.write(`${escapeUnprintable(JSON.stringify(toSnakeCase(value), null, 2))}\n`);
    },
    event,
    result(fields) {
      event('result', fields);
      hasResult = true;
    },
    note: remark,
    warn: (text) => remark(`${errorColors.yellow(outputMessages(language).warning)}: ${text}`),
  };
}
