/** The settings of an agent with defaults, and everything that no schema finds. */
import { UpdaterError } from '@remendo/core';
import { Cron } from 'croner';
import type { AgentSettings } from './agent-settings.js';
import { holdHoursDefault } from './hold-lock.js';

export type AgentConfig = Required<Omit<AgentSettings, 'holdFile'>>;

const defaults = {
  checkCron: '0 */6 * * *',
  licenseCron: '0 2 * * *',
  cleanupCron: '0 3 * * 0',
  jitterMinutesMax: 60,
  downloadWindows: [],
  installWindows: [],
  holdHoursMax: holdHoursDefault,
  proof: 'launch',
  licenseWarnDays: 30,
  downloadDaysMax: 14,
} as const satisfies Required<Omit<AgentSettings, 'holdFile'>>;

const cronNames = ['checkCron', 'licenseCron', 'cleanupCron'] as const;

/** With defaults. @throws UpdaterError CONFIG_INVALID with every problem. */
export function agentConfigOf(given: AgentSettings | null): AgentConfig {
  const config = { ...defaults, ...given };
  const problems = cronNames.flatMap((name) => {
    const problem = cronProblem(config[name]);
    return problem === null ? [] : [`agent.${name} ${problem}`];
  });
  if (problems.length > 0) throw new UpdaterError('CONFIG_INVALID', 'the settings are not right', { details: { problems } });
  return config;
}

/** A moment, or a year, that comes once and never again would end the agent when it is over. */
function cronProblem(pattern: string): string | null {
  const fields = pattern.trim().split(/\s+/);
  if (fields.length !== 5 && fields.length !== 6) return 'is no cron expression: it takes five fields, or six with seconds first';
  try {
    return new Cron(pattern, { paused: true }).nextRun() === null ? 'never comes' : null;
  } catch (error) {
    return `is no cron expression: ${(error as Error).message}`;
  }
}
