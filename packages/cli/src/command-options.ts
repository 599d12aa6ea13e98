/** Settings of the table as options of a command, and help with examples. */
import { type Command, Option } from 'commander';
import type { SettingSources } from './config.js';
import { type Setting, type SettingName, settings } from './settings.js';

/** Adds the flags of these settings; their values are read by `flagsOf`. */
export function addSettings(command: Command, names: readonly SettingName[]): Command {
  for (const name of names) {
    const option = optionOf(settings[name]);
    if (option !== null) command.addOption(option);
  }
  return command;
}

function optionOf({ flag, argument, variable, sentence, kind, unit, default: fallback }: Setting): Option | null {
  if (flag === null) return null;
  const origin = [variable, ...(fallback === null ? [] : [`default ${fallback}`]), ...(unit === null ? [] : [`in ${unit}`])].join(
    ', ',
  );
  const option = new Option(argument === null ? flag : `${flag} <${argument}>`, `${sentence} [${origin}]`);
  if (kind === 'list') option.argParser((value: string, before: readonly string[] | undefined) => [...(before ?? []), value]);
  return option;
}

/** What was given on the command line, by name in the table. @param values as commander has them. */
export function flagsOf(values: Readonly<Record<string, unknown>>, names: readonly SettingName[]): SettingSources['flags'] {
  const flags: Partial<Record<SettingName, unknown>> = {};
  for (const name of names) {
    const option = optionOf(settings[name]);
    const value = option === null ? undefined : values[option.attributeName()];
    if (value !== undefined) flags[name] = value;
  }
  return flags;
}

export const addExamples = (command: Command, ...examples: readonly string[]): Command =>
  command.addHelpText(
    'after',
    `\n${examples.length === 1 ? 'Example' : 'Examples'}:\n${examples.map((example) => `  $ ${example}`).join('\n')}`,
  );
