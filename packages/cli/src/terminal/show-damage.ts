/** Damaged files as lines, for `verify` and `repair`. */
import type { CommandContext } from '../command-context.js';
import { printable } from '../output/printable.js';
import { quantities } from '../output/quantity.js';
import { verifyMessages } from './verify-messages.js';

interface DamagedPath {
  readonly path: string;
  readonly finding: 'changed' | 'missing' | 'mode';
}

const pathsShownMax = 40;

/** Sentences and numbers in the language of the person. */
export function damageTexts({ language }: Pick<CommandContext, 'language'>) {
  const say = verifyMessages(language);
  const { number, bytes } = quantities[language];
  return { say, number, bytes, files: (count: number): string => say.files(count, number(count)) };
}

export function showDamaged(context: CommandContext, damaged: readonly DamagedPath[]): void {
  const { say } = damageTexts(context);
  const width = Math.max(say.changed.length, say.missing.length, say.mode.length) + 1;
  showPaths(
    context,
    damaged.map(({ path, finding }) => `${say[finding].padEnd(width)} ${path}`),
  );
}

export function showPaths(context: CommandContext, paths: readonly string[]): void {
  const { say, number } = damageTexts(context);
  for (const path of paths.slice(0, pathsShownMax)) context.output.line(`  ${printable(path)}`);
  if (paths.length > pathsShownMax) context.output.line(`  ${say.andMore(number(paths.length - pathsShownMax))}`);
}
