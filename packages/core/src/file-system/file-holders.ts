/** A process that has a file open. */
export interface FileHolder {
  readonly pid: number;
  /** Path or name of what it runs. */
  readonly program: string;
}

/**
 * Which processes hold a file: run it, have loaded it, or have it open as far as the system tells. Asked for the message only.
 * @param path absolute. @returns null when this system can not tell. Never rejects, and answers within some seconds.
 */
export type FileHolders = (path: string) => Promise<readonly FileHolder[] | null>;
