/** A process of this machine, and what it runs. */
export interface RunningProgram {
  readonly pid: number;
  /** Absolute path of the executable; of an interpreter when that runs a script of the folder; a bare name when the system tells no more. */
  readonly program: string;
}

/**
 * Which programs run from a folder. The updater itself does not count: neither this process nor those above it that run the
 * same executable.
 *
 * A program runs from a folder when its executable or a library that it has loaded lies below it, or when its first argument
 * that is no option names a file below it: `java -jar C:\sistema\bin\erp.jar`. A current folder alone says nothing: a console
 * that somebody left there must not hold up an update.
 */
export interface RunningPrograms {
  /** @param root absolute. @returns in the order of their ids; null when this system can not tell. Never rejects. */
  programsRunningFrom(root: string): Promise<readonly RunningProgram[] | null>;
}
