/** Arguments as one line, as programs of Windows take them apart again (CommandLineToArgvW, and the C runtime's rules). */
export const commandLineOf = (args: readonly string[]): string => args.map(quoted).join(' ');

function quoted(arg: string): string {
  if (arg !== '' && !/[\s"]/.test(arg)) return arg;
  let line = '"';
  let slashes = 0;
  for (const character of arg) {
    // Backslashes count twice before a quotation mark, and only there.
    if (character === '"') line += `${'\\'.repeat(slashes)}\\`;
    slashes = character === '\\' ? slashes + 1 : 0;
    line += character;
  }
  return `${line}${'\\'.repeat(slashes)}"`;
}
