const writeMs = 3_000;

/**
 * Gathers in memory what requests leave behind, and writes it every few seconds, so that no request waits for a write. A
 * killed process forgets what it gathered since.
 */
export abstract class WriteBehind {
  #writing: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | null = null;

  /** Takes what waits and writes it; never throws. One at a time. */
  protected abstract writeWaiting(): Promise<void>;

  start(): void {
    this.#timer = setInterval(() => void this.write(), writeMs);
    this.#timer.unref();
  }

  /** Writes what still waits. */
  async stop(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    await this.write();
  }

  /** Resolves when an attempt was made to write everything gathered until now. */
  write(): Promise<void> {
    this.#writing = this.#writing.then(() => this.writeWaiting());
    return this.#writing;
  }
}
