/**
 * Progress on the error output: a bar on a terminal, plain lines otherwise: a line when a step begins and one for every
 * further quarter of a long one.
 */
import { type Options, SingleBar } from 'cli-progress';
import type { Language } from '../language.js';
import { outputMessages } from './messages.js';
import { quantities } from './quantity.js';

export type ProgressUnit = 'bytes' | 'files';

export interface Progress {
  /** Begins a step; the one before is over. The same name again goes on with it. */
  step(name: string): void;
  /** How far the step is. */
  at(done: number, total: number, unit: ProgressUnit): void;
  /** Makes room for a line: a bar is drawn again below it. */
  interrupt(): void;
  /** Nothing follows. */
  end(): void;
}

export function createProgress(stream: NodeJS.WriteStream, language: Language): Progress {
  const { bytes, number } = quantities[language];
  const { partOf } = outputMessages(language);
  const amount: AmountText = (done, total, unit) => {
    const text = unit === 'bytes' ? bytes : number;
    return partOf(text(done), text(total));
  };
  return stream.isTTY === true ? barProgress(stream, amount) : lineProgress(stream, amount);
}

type AmountText = (done: number, total: number, unit: ProgressUnit) => string;

const percentOf = (done: number, total: number): number => (total === 0 ? 100 : Math.floor((done / total) * 100));

/** Steps shorter than this need no percentages. */
const longStep: Readonly<Record<ProgressUnit, number>> = { bytes: 1_000_000, files: 100 };
const linePercent = 25;

function lineProgress(stream: NodeJS.WriteStream, amount: AmountText): Progress {
  let name = '';
  let shownPercent = 0;
  return {
    step(next) {
      if (next === name) return;
      name = next;
      shownPercent = 0;
      stream.write(`${name} …\n`);
    },
    at(done, total, unit) {
      const percent = percentOf(done, total);
      if (percent < shownPercent) shownPercent = 0;
      if (total < longStep[unit] || percent < shownPercent + linePercent) return;
      shownPercent = percent - (percent % linePercent);
      stream.write(`${name} ${percent} % (${amount(done, total, unit)})\n`);
    },
    interrupt() {},
    end() {},
  };
}

const barOptions: Options = {
  format: '{step} [{bar}] {percentage} %  {amount}',
  barCompleteChar: '█',
  barIncompleteChar: '░',
  barsize: 26,
  hideCursor: true,
  clearOnComplete: false,
  fps: 10,
  linewrap: false,
  // Signals are this program's business.
  gracefulExit: false,
};
const stepWidth = 20;

function barProgress(stream: NodeJS.WriteStream, amount: AmountText): Progress {
  let name = '';
  let bar: SingleBar | null = null;
  const stop = (): void => {
    bar?.stop();
    bar = null;
  };
  return {
    step(next) {
      if (next === name) return;
      stop();
      name = next;
      // The line may hold the name of the step before, and that may be longer.
      stream.write(`\r\u001b[K${name} …\r`);
    },
    at(done, total, unit) {
      const payload = { step: name.padEnd(stepWidth), amount: amount(done, total, unit) };
      if (bar === null) {
        bar = new SingleBar({ ...barOptions, stream });
        bar.start(Math.max(total, 1), total === 0 ? 1 : done, payload);
        return;
      }
      bar.setTotal(Math.max(total, 1));
      bar.update(total === 0 ? 1 : done, payload);
    },
    interrupt() {
      if (bar !== null) stop();
      else if (name !== '') stream.write('\r\u001b[K');
    },
    end() {
      if (bar === null && name !== '') stream.write('\r\u001b[K');
      stop();
      name = '';
    },
  };
}
