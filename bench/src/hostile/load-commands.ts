/**
 * The built `remendo`, taken apart: a process for each of a thousand commands would take minutes. Nothing is imported by name:
 * it is the program beside which this one stands, as in demo/programs.ts.
 */

/** As far as it is used here. */
export interface CommandModules {
  createCommandTree(
    run: Run,
    options: { asked: string | undefined },
  ): Promise<{ parseAsync(args: string[], options: { from: 'user' }): Promise<unknown> }>;
  createOutput(streams: { stdout: NodeJS.WritableStream; stderr: NodeJS.WritableStream }, options: { json: boolean }): object;
  printError(output: object, error: unknown): void;
}

type Run = (command: { opts(): Readonly<Record<string, unknown>> }, use: (context: object) => Promise<number>) => Promise<void>;

const dist = new URL('../../../packages/cli/dist/', import.meta.url);

export async function loadCommands(): Promise<CommandModules> {
  const [tree, output, errors] = await Promise.all(
    ['command-tree.js', 'output/output.js', 'output/print-error.js'].map((file) => import(new URL(file, dist).href)),
  );
  return { ...tree, ...output, ...errors } as CommandModules;
}
