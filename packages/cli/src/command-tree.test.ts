import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { describe, expect, it } from 'vitest';
import { createCommandTree, parts, splitStartCommand } from './command-tree.js';
import { exitCodes } from './exit-codes.js';
import { runRemendo } from './testing/run-remendo.js';
import { programVersion } from './version.js';

const tree = await createCommandTree(async () => {});
const commands = tree.commands.map((command) => command.name());
/** By their whole names, those of `releases` too. */
const runnable = (group: Command): readonly (readonly [string, Command])[] =>
  group.commands.flatMap((command) =>
    command.commands.length === 0
      ? [[command.name(), command] as const]
      : runnable(command).map(([name, one]) => [`${command.name()} ${name}`, one] as const),
  );

describe('the command tree', () => {
  it('lists the commands of publishers, then those of terminals and about servers', () => {
    expect(commands).toEqual([
      'manifest',
      'diff',
      'apply',
      'bench',
      'publish',
      'verify-signature',
      'releases',
      'keys',
      'bundle',
      'receipts',
      'inspect',
      'setup',
      'register',
      'license',
      'check',
      'download',
      'install',
      'rollback',
      'status',
      'verify',
      'repair',
      'launch',
      'agent',
      'cleanup',
      'why',
      'page',
      'relay',
      'backups',
      'simulate',
    ]);
  });

  it('loads the part with the command that was asked for, and everything to look for one that there is not', async () => {
    for (const { names } of parts)
      for (const asked of names) {
        const loaded = await createCommandTree(async () => {}, { asked });
        expect(loaded.commands.map((command) => command.name())).toEqual(names);
      }
    const all = await createCommandTree(async () => {}, { asked: 'bogus' });
    expect(all.commands.map((command) => command.name())).toEqual(commands);
  });

  it.each(runnable(tree))('%s has help with an example and --json', (name, command) => {
    let help = '';
    const writeOut = (text: string): void => {
      help += text;
    };
    command.configureOutput({ writeOut }).outputHelp();
    expect(help).toMatch(new RegExp(`Examples?:\\n  \\$ .*remendo ${name} `));
    expect(help).toContain('--json');
  });

  it('help ends with exit code 0', async () => {
    for (const args of [['--help'], ['help', 'diff'], ['diff', '--help'], ['releases', '--help'], ['releases', 'list', '--help']]) {
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
    ['releases alone', ['releases']],
    ['an unknown command of releases', ['releases', 'delete', '1.0.0']],
    ['a change of a release of no application', ['releases', 'publish', '1.0.0', '--server', 'http://127.0.0.1:9']],
    ['a promotion to no channel', ['releases', 'promote', '1.0.0']],
    ['a rollout that pauses and resumes', ['releases', 'rollout', '1.0.0', '--pause', '--resume']],
    ['a registration without a name', ['register', '--email', 'ana@example.com', '--server', 'http://127.0.0.1:9']],
    ['a licence without a key', ['license', '--server', 'http://127.0.0.1:9']],
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
