/** Arguments as one line, as programs of Windows take them apart again (CommandLineToArgvW, and the C runtime's rules). */
export const commandLineOf = (args: readonly string[]): string => args.map(quoted).join(' ');

function quoted(arg: string): string {
  if (arg !== '' && !/[\s"]/.test(arg)) return arg;
  // Backslashes count twice before a quotation mark, and only there.
  return `"${arg.replace(/(\\*)"/g, '$1$1\\"').replace(/(\\+)$/, '$1$1')}"`;
}
