import { Worker } from 'node:worker_threads';

export type PgliteRequest =
  | { readonly id: number; readonly kind: 'query'; readonly sql: string; readonly parameters: readonly unknown[] }
  | { readonly id: number; readonly kind: 'exec'; readonly sql: string }
  | { readonly id: number; readonly kind: 'close' };

export interface DatabaseRows {
  readonly rows: readonly object[];
  readonly affectedRows: number;
}

export type PgliteAnswer =
  | ({ readonly id: number } & DatabaseRows)
  | {
      readonly id: number;
      readonly error: {
        readonly message: string;
        readonly code: string | undefined;
        readonly detail: string | undefined;
        readonly constraint: string | undefined;
      };
    };

/** What the database refused, with its SQLSTATE. */
export class DatabaseError extends Error {
  override readonly name = 'DatabaseError';

  constructor(
    message: string,
    readonly code: string | undefined,
    readonly detail: string | undefined,
  ) {
    super(message);
  }
}

/** The built file: the same from here and from dist, where this file lies when it is built. */
const threadFile = new URL('../../dist/database/pglite-thread.js', import.meta.url);

/**
 * The embedded database as one session: whoever needs several statements to belong together takes the session with
 * `acquire` and gives it back; everybody else waits meanwhile.
 */
export class PgliteClient {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, { resolve(rows: DatabaseRows): void; reject(error: Error): void }>();
  #nextId = 1;
  #tail: Promise<void> = Promise.resolve();
  #ended: Error | null = null;
  #closing = false;
  readonly #onLost: (error: Error) => void;

  /** @param onLost called once when the database ends without having been closed; nothing can be asked of it any more. */
  constructor(folder: string, onLost: (error: Error) => void) {
    this.#onLost = onLost;
    this.#worker = new Worker(threadFile, { workerData: { folder } });
    this.#worker.on('message', (answer: PgliteAnswer) => this.#settle(answer));
    this.#worker.on('error', (error) => this.#end(error instanceof Error ? error : new Error(String(error))));
    this.#worker.on('exit', () => this.#end(new Error('the database is closed')));
  }

  get ended(): boolean {
    return this.#ended !== null;
  }

  /** Waits for the session; call the returned function to give it back. */
  async acquire(): Promise<() => void> {
    const before = this.#tail;
    let release: () => void = () => {};
    this.#tail = new Promise((resolve) => {
      release = resolve;
    });
    await before;
    return release;
  }

  /** One statement with parameters $1, $2, …; without parameters several statements may be in one text. Hold the session. */
  run(sql: string, parameters: readonly unknown[]): Promise<DatabaseRows> {
    const id = this.#nextId++;
    return this.#post(parameters.length === 0 ? { id, kind: 'exec', sql } : { id, kind: 'query', sql, parameters });
  }

  async close(): Promise<void> {
    if (this.#ended !== null) return;
    this.#closing = true;
    const release = await this.acquire();
    try {
      await this.#post({ id: this.#nextId++, kind: 'close' });
      this.#end(new Error('the database is closed'));
      await this.#worker.terminate();
    } finally {
      release();
    }
  }

  #post(request: PgliteRequest): Promise<DatabaseRows> {
    return new Promise((resolve, reject) => {
      if (this.#ended !== null) return reject(this.#ended);
      this.#waiting.set(request.id, { resolve, reject });
      this.#worker.postMessage(request);
    });
  }

  #settle(answer: PgliteAnswer): void {
    const waiting = this.#waiting.get(answer.id);
    this.#waiting.delete(answer.id);
    if ('error' in answer) waiting?.reject(new DatabaseError(answer.error.message, answer.error.code, answer.error.detail));
    else waiting?.resolve(answer);
  }

  #end(error: Error): void {
    if (this.#ended !== null) return;
    this.#ended = error;
    for (const waiting of this.#waiting.values()) waiting.reject(error);
    this.#waiting.clear();
    if (!this.#closing) this.#onLost(error);
  }
}
