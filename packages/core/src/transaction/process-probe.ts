/** What the install lock has to know about processes. */
export interface ProcessProbe {
  /** This process. */
  readonly pid: number;
  /** When this process started, or a child of it that was started just now, in a form that only `isAlive` reads. At most 200 characters. */
  startedAt(childPid?: number): Promise<string>;
  /** Whether that very process still runs: a later one with the same id does not count where the system can tell. */
  isAlive(pid: number, startedAt: string): Promise<boolean>;
}
