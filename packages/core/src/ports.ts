/** Time and chance as the library gets them: nothing in it reads a clock or draws a number by itself. */
export interface Clock {
  /** Milliseconds since 1970; may jump when somebody sets the clock. */
  now(): number;
  /** Resolves after `ms` milliseconds; rejects with the signal's reason as soon as that is aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export interface Random {
  /** A new unique name of URL-safe characters. */
  id(): string;
  /** In [0, 1). */
  fraction(): number;
}
