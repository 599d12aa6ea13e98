import type { Language } from './language.js';
import type { Output } from './output/output.js';

/** What a command gets from the process it runs in. */
export interface CommandContext {
  readonly output: Output;
  /** Of messages for people: `const say = checkMessages(context.language)`. */
  readonly language: Language;
  readonly environment: NodeJS.ProcessEnv;
  /** Aborted by Ctrl-C and by a polite request to end; its reason is an `Interrupted`. */
  readonly signal: AbortSignal;
  /** Whether a person can be asked. */
  readonly isInteractive: boolean;
  /**
   * Takes signals over while an application of the command's runs: they are the application's then. Gives them back
   * when the returned function is called.
   */
  takeSignals(onSignal: (signal: NodeJS.Signals) => void): () => void;
}
