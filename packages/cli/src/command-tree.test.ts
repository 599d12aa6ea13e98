import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { createCommandTree, splitStartCommand } from './command-tree.js';
import { exitCodes } from './exit-codes.js';
import { runRemendo } from './testing/run-remendo.js';
import { programVersion } from './version.js';

const commands = createCommandTree(async () => {}, []).commands.map((command) => command.name());

describe('the command tree', () => {
  it('lists the commands of publishers, then those of terminals', () => {
    expect(commands).toEqual([
      'manifest',
      'diff',
      'apply',
      'bench',
      'publish',
      'inspect',
      'check',
      'install',
      'rollback',
      'status',
      'verify',
      'launch',
    ]);
  });

  it.each(commands)('%s has help with an example and --json', (name) => {
    const command = createCommandTree(async () => {}, []).commands.find((one) => one.name() === name);
    let help = '';
    const writeOut = (text: string): void => {
      help += text;
    };
    command?.configureOutput({ writeOut }).outputHelp();
    expect(help).toMatch(new RegExp(`Examples?:\\n  \\$ .*remendo ${name} `));
    expect(help).toContain('--json');
  });

  it('help ends with exit code 0', async () => {
    for (const args of [['--help'], ['help', 'diff'], ['diff', '--help']]) {
      const ran = await runRemendo(args);
      expect(ran.code).toBe(exitCodes.done);
      expect(ran.stdout).toContain('Example');
    }
  });

  it('prints its version, which is the package\u2019s', async () => {
    const { version } = JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8')) as { version: string };
    expect(programVersion).toBe(version);
    expect((await runRemendo(['--version'])).stdout).toBe(`${version}\n`);
  });

  const wrong: readonly (readonly [string, readonly string[]])[] = [
    ['no command', []],
    ['an unknown command', ['bogus']],
    ['an unknown option', ['status', '--bogus']],
    ['a missing argument', ['inspect']],
    ['a missing required option', ['diff', 'a', 'b']],
    ['a codec that does not exist', ['diff', 'a', 'b', '--out', 'c', '--codec', 'zip']],
    ['a terminal command without a root', ['status']],
    ['nothing to launch', ['launch', '--root', '/nonexistent-root', '--server', 'http://127.0.0.1:9']],
    ['publish without a token', ['publish', '.', '--server', 'http://127.0.0.1:9', '--application', 'erp', '--release', '1.0.0']],
  ];
  it.each(wrong)('%s ends with exit code 2 and a sentence', async (_, args) => {
    const ran = await runRemendo(args);
    expect(ran.code).toBe(exitCodes.usage);
    expect(ran.stdout).toBe('');
    expect(ran.stderr).not.toBe('');
  });

  it('splits what follows -- off the commands that start something, and off no other', () => {
    expect(splitStartCommand(['install', '1.0.1', '--', 'node', 'app.js', '--', 'x'])).toEqual({
      args: ['install', '1.0.1'],
      startCommand: ['node', 'app.js', '--', 'x'],
    });
    expect(splitStartCommand(['inspect', '--', '-file'])).toEqual({ args: ['inspect', '--', '-file'], startCommand: [] });
    expect(splitStartCommand(['launch'])).toEqual({ args: ['launch'], startCommand: [] });
  });
});
