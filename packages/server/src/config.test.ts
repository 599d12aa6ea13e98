import { readFile } from 'node:fs/promises';
import { UpdaterError } from '@remendo/core';
import { describe, expect, it } from 'vitest';
import { readConfig, settings } from './config.js';

function problemsOf(args: readonly string[], environment: NodeJS.ProcessEnv = {}): readonly string[] {
  try {
    readConfig(args, environment);
  } catch (error) {
    if (error instanceof UpdaterError && error.code === 'CONFIG_INVALID') return error.details.problems as readonly string[];
    throw error;
  }
  return [];
}

describe('readConfig', () => {
  it('takes flags before variables before defaults', () => {
    const config = readConfig(['--data', '/a', '--port', '1'], { REMENDO_DATA: '/b', REMENDO_PORT: '2', REMENDO_HOST: '::' });
    expect(config).toMatchObject({ dataFolder: '/a', port: 1, host: '::', deltaBases: 5, token: null });
  });

  it('reports every problem at once', () => {
    const problems = problemsOf(['--port', 'x', '--old-api', 'maybe'], { REMENDO_DELTA_WORKERS: '0', REMENDO_TOKEN: 'short' });
    expect(problems).toHaveLength(5);
    expect(problems.join('\n')).toMatch(
      /--data is missing.*--port must be.*REMENDO_DELTA_WORKERS must be.*--old-api.*REMENDO_TOKEN/s,
    );
  });

  it('refuses arguments that it does not know', () => {
    expect(problemsOf(['--data', '/a', '--prot', '1'])).toEqual(expect.arrayContaining([expect.stringContaining('--prot')]));
  });

  it.each(['a token with spaces in it', `${'x'.repeat(30)} `, 'ein-Schlüssel-mit-Umlauten', 'x'.repeat(513)])(
    'refuses a token that no publisher could send: %j',
    (token) => {
      expect(problemsOf(['--data', '/a'], { REMENDO_TOKEN: token })).toEqual([expect.stringContaining('REMENDO_TOKEN')]);
    },
  );

  it('never repeats a token that is wrong', () => {
    expect(problemsOf([], { REMENDO_TOKEN: 'geheim' }).join()).not.toContain('geheim');
  });

  it('is documented setting by setting, in the words of the help', async () => {
    const documentation = await readFile(new URL('../../../docs/operating/server.md', import.meta.url), 'utf8');
    for (const { flag, argument, variable, default: fallback, sentence } of Object.values(settings)) {
      const shown = fallback === null ? '(must be given)' : fallback === '' ? '' : `\`${fallback}\``;
      const row = `| \`${flag} ${argument.replace('|', '\\|')}\` | \`${variable}\` | ${shown} | ${sentence} |`;
      expect(documentation).toContain(row);
    }
  });

  it('has a flag, a variable and a sentence of its own for every setting', () => {
    const all = Object.values(settings);
    for (const key of ['flag', 'variable', 'sentence'] as const) expect(new Set(all.map((one) => one[key])).size).toBe(all.length);
  });
});
