/** How to ask components of this machine for their versions: as configured, else as the well-known ones want to be asked. */
import { nodeHost, type StepRunner } from '@remendo/core';
import type { ComponentsSettings } from './pipeline-settings.js';

interface Question {
  readonly command: string;
  readonly args?: readonly string[];
}

const wellKnown: Readonly<Record<string, Question>> = {
  dotnet: { command: 'dotnet', args: ['--version'] },
  git: { command: 'git', args: ['--version'] },
  // The old spelling: Java 8 knows no other, and answers on the error output.
  java: { command: 'java', args: ['-version'] },
  mariadb: { command: 'mariadb', args: ['--version'] },
  mysql: { command: 'mysql', args: ['--version'] },
  nginx: { command: 'nginx', args: ['-v'] },
  node: { command: 'node', args: ['--version'] },
  php: { command: 'php', args: ['--version'] },
  postgresql: { command: 'psql', args: ['--version'] },
  python: { command: 'python3', args: ['--version'] },
};

const timeLimitMs = 15_000;

/** @param folder where programs are looked for beside the PATH, and run. */
export function componentVersions(
  components: ComponentsSettings,
  folder: string,
  steps: StepRunner | undefined = nodeHost().steps,
) {
  return async (name: string, signal?: AbortSignal): Promise<string | null> => {
    const question = components[name] ?? wellKnown[name];
    if (question === undefined || steps === undefined) return null;
    const { command, args = [] } = question;
    const { failure, output } = await steps.run(
      { command, args: [...args], folder, timeLimitMs },
      { onStarted: () => Promise.resolve(), ...(signal === undefined ? {} : { signal }) },
    );
    return failure === null ? versionIn(output) : null;
  };
}

/** The client of MySQL and MariaDB names its own version first, and that of the distribution, which is meant, second. */
export function versionIn(output: string): string | null {
  const named = /\bDistrib (\d{1,9}(?:\.\d{1,9}){1,4}\S{0,40})/.exec(output)?.[1];
  return named ?? /\d{1,9}(?:\.\d{1,9}){1,4}[^\s"',;)]{0,40}/.exec(output)?.[0] ?? /\b\d{1,9}\b/.exec(output)?.[0] ?? null;
}
