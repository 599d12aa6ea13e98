import { isSea } from 'node:sea';

/**
 * What starts this program again, for services and child processes: an executable, and the arguments that go before a
 * command's. A single executable is itself; otherwise it is Node with the file that it was started with.
 */
export function ownProgram(): { readonly command: string; readonly args: readonly string[] } {
  const file = process.argv[1];
  return { command: process.execPath, args: isSea() || file === undefined ? [] : [file] };
}
