/**
 * What no schema of a single setting finds, and a later program of this install would stumble over, the agent first, which
 * nobody looks at: an expression that never comes, an address that is none, a file that is not there.
 */
import { isUpdaterError, parseServerUrl, problemsOfSteps } from '@remendo/core';
import { agentConfigOf } from '../agent/agent-config.js';
import { parseBackups } from '../backups/parse-backups.js';
import type { Language } from '../language.js';
import { assertNamedFile } from '../named-path.js';
import { parseRelays } from '../relay/parse-relays.js';
import type { Settings } from '../settings.js';

type Checked = Settings<
  'server' | 'allowInsecure' | 'agent' | 'relay' | 'steps' | 'backups' | 'trustRoot' | 'openpgpKeys' | 'language'
>;

/** @param home of the updater: names of files with secrets of backups count from it. */
export async function problemsOfAnswers(
  values: Checked,
  { home, environment }: { readonly home: string; readonly environment: NodeJS.ProcessEnv },
): Promise<readonly string[]> {
  const { server, agent, relay, steps, backups, trustRoot, openpgpKeys } = values;
  const allowInsecure = values.allowInsecure ?? false;
  const language = (values.language ?? 'en') as Language;
  const found = [
    await problemsOf('server', () => server !== null && parseServerUrl(server, allowInsecure)),
    await problemsOf('agent', () => agentConfigOf(agent)),
    await problemsOf('relay', () => parseRelays(relay)),
    problemsOfSteps(steps ?? {}),
    await problemsOf('backups', () => backups !== null && parseBackups(backups, { home, environment, language, allowInsecure })),
    await problemsOf('trustRoot', () => trustRoot !== null && assertNamedFile(trustRoot)),
    await problemsOf('openpgpKeys', () => openpgpKeys !== null && assertNamedFile(openpgpKeys)),
  ];
  // A secret of the backups may be put into the updater's folder once there is one.
  return found.flat().filter((problem) => !/ secretFile: ENOENT\b/.test(problem));
}

/** @param use to do something with a setting that throws what is wrong with it. */
async function problemsOf(name: string, use: () => unknown): Promise<readonly string[]> {
  try {
    await use();
    return [];
  } catch (error) {
    if (!isUpdaterError(error)) throw error;
    const { problems } = error.details;
    return Array.isArray(problems) ? (problems as readonly string[]) : [`${name}: ${error.message}`];
  }
}
