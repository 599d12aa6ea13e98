import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { UpdaterError } from '@remendo/core';
import { describe, expect, it } from 'vitest';
import { readConfig } from './config.js';
import { isSecret, type Setting, settings } from './settings.js';

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
      /REMENDO_TOKEN must have.*--data is missing.*--port must be.*REMENDO_DELTA_WORKERS must be.*--old-api/s,
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
    for (const { flag, argument, variable, default: fallback, sentence } of Object.values<Setting<unknown>>(settings)) {
      const shown = fallback === null ? '(must be given)' : fallback === '' ? '' : `\`${fallback}\``;
      const named = flag === null ? '' : `\`${flag} ${argument.replaceAll('|', '\\|')}\``;
      expect(documentation).toContain(`| ${named} | \`${variable}\` | ${shown} | ${sentence} |`);
    }
  });

  it('has a variable and a sentence of its own for every setting, and a flag for every one that is no secret', () => {
    const all = Object.values<Setting<unknown>>(settings);
    for (const key of ['variable', 'sentence'] as const) expect(new Set(all.map((one) => one[key])).size).toBe(all.length);
    const flags = all.flatMap(({ flag }) => flag ?? []);
    expect(new Set(flags).size).toBe(all.length - all.filter(isSecret).length);
  });

  it('takes secrets from files that variables name, without the line end', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'remendo-config-'));
    await writeFile(join(folder, 'token'), 'a-token-out-of-a-file-0123\n');
    expect(readConfig(['--data', '/a'], { REMENDO_TOKEN_FILE: join(folder, 'token') })).toMatchObject({
      token: 'a-token-out-of-a-file-0123',
    });
    expect(problemsOf(['--data', '/a'], { REMENDO_TOKEN_FILE: join(folder, 'absent') })).toEqual([
      expect.stringContaining('REMENDO_TOKEN_FILE'),
    ]);
    await rm(folder, { recursive: true });
  });

  it('refuses settings that do not go together', () => {
    expect(problemsOf(['--data', '/a', '--object-store', 's3', '--tls-key', 'k.pem', '--worker', 'off'])).toHaveLength(3);
  });
});
