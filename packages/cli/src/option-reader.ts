import { UpdaterError } from '@remendo/core';

export interface OptionReader {
  /** What an option says, as a value; undefined when it was not given, or is wrong, which `finish` tells. `parse` throws an Error with what is wrong. */
  read<Value>(flag: string, text: string | undefined, parse: (text: string) => Value): Value | undefined;
  /** @throws UpdaterError CONFIG_INVALID with every problem in `details.problems`. */
  finish(): void;
}

/** Reads the options of a command one after the other and tells everything that is wrong with them at once. */
export function optionReader(): OptionReader {
  const problems: string[] = [];
  return {
    read(flag, text, parse) {
      try {
        return text === undefined ? undefined : parse(text);
      } catch (error) {
        problems.push(`${flag} ${(error as Error).message}`);
        return undefined;
      }
    },
    finish() {
      if (problems.length > 0) throw new UpdaterError('CONFIG_INVALID', 'the options are not right', { details: { problems } });
    },
  };
}
