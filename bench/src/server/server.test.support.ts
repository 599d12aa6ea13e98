import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** Runs a built command, on the embedded database: what it measures on PostgreSQL wants an empty one of its own. @returns its last line, which is JSON. @throws what `execFile` does when it ends with another code than 0. */
export async function runBuilt(name: string, args: readonly string[]): Promise<Record<string, unknown>> {
  const path = fileURLToPath(new URL(`../../dist/server/${name}`, import.meta.url));
  const { REMENDO_TEST_POSTGRES: _unused, ...env } = process.env;
  const { stdout } = await promisify(execFile)(process.execPath, [path, ...args], { env });
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Record<string, unknown>;
}
