/** The system's tools as a double: files in memory, and every call written down. */
import type { ServiceTools } from './service-tools.js';

export interface RecordedTools extends ServiceTools {
  /** What was asked since the last time, in order. */
  lines(): readonly string[];
  /** From now on programs whose command line begins so end with 1; all say `says`. */
  refuse(beginnings: readonly string[], says?: string): void;
  bytes(path: string): Uint8Array;
}

export interface RecordedOptions {
  /** Paths that are there without having been written. */
  readonly there?: readonly string[];
  readonly refuses?: readonly string[];
  readonly says?: string;
}

export function recordedTools({ there = [], refuses = [], says = '' }: RecordedOptions): RecordedTools {
  const files = new Map<string, Uint8Array>();
  let lines: string[] = [];
  let refused = refuses;
  let said = says;
  return {
    exists: (path) => files.has(path) || there.includes(path),
    run: async (program, args) => {
      const line = [program, ...args].join(' ');
      lines.push(line);
      return { code: refused.some((beginning) => line.startsWith(beginning)) ? 1 : 0, output: said };
    },
    read: async (path) => files.get(path) ?? null,
    async write(path, bytes) {
      lines.push(`write ${path}`);
      files.set(path, bytes);
    },
    async remove(path) {
      if (files.delete(path)) lines.push(`remove ${path}`);
    },
    lines() {
      const asked = lines;
      lines = [];
      return asked;
    },
    refuse(beginnings, text = '') {
      refused = beginnings;
      said = text;
    },
    bytes: (path) => files.get(path) ?? new Uint8Array(),
  };
}
