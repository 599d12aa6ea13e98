/** What has to work with a single executable alone, one step after the other on one machine. */
import { copyFile, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createGnupg, lacksGpg } from '@remendo/core/testing';
import type { Executable, Ran } from './executable.js';

export interface World {
  readonly executable: Executable;
  /** Of this run; the steps make what they need in it. */
  readonly folder: string;
  readonly serverUrl: string;
  readonly token: string;
  /** Of this executable alone: its releases are installed by nobody else. */
  readonly application: string;
}

export interface Step {
  readonly name: string;
  /** @returns what is worth to be told. @throws Error when it does not work. */
  run(world: World): Promise<string>;
}

const at = ({ folder }: World, ...names: readonly string[]): string => join(folder, ...names);

async function ask({ executable, token, serverUrl }: World, args: readonly string[]): Promise<Ran> {
  return await executable.start(args, { REMENDO_TOKEN: token, REMENDO_SERVER_URL: serverUrl }).ended;
}

async function must(world: World, args: readonly string[], code = 0): Promise<Ran> {
  const ran = await ask(world, args);
  if (ran.code === code) return ran;
  throw new Error(`remendo ${args[0]} ended with ${ran.code}, not ${code}:\n${ran.stdout}${ran.stderr}`);
}

/** The lines or the one document that `--json` prints. */
async function json(world: World, args: readonly string[], code = 0): Promise<Record<string, unknown>> {
  const { stdout } = await must(world, [...args, '--json'], code);
  const last = stdout.trimStart().startsWith('{\n') ? stdout : (stdout.trim().split('\n').at(-1) ?? '');
  return JSON.parse(last) as Record<string, unknown>;
}

function assertEqual(what: string, actual: unknown, expected: unknown): void {
  if (actual !== expected) throw new Error(`${what} is ${JSON.stringify(actual)}, not ${JSON.stringify(expected)}`);
}

const rootFlags = (world: World): readonly string[] => ['--root', world.executable.path(at(world, 'install'))];

/** A release's files: a text, and a program of a megabyte of which a part changes from release to release. */
export async function writeRelease(folder: string, generation: number): Promise<void> {
  const program = Buffer.alloc(1_000_000);
  for (let index = 0; index < program.length; index++) program[index] = (index * 2_654_435_761) >>> 13;
  program.fill(generation, 400_000, 400_500);
  await writeFile(join(folder, 'program.bin'), program);
  await writeFile(join(folder, 'release.txt'), `generation ${generation}\n`);
}

const publish = (world: World, name: string, version: string): Promise<Ran> => {
  const release = world.executable.path(at(world, name));
  return must(world, ['publish', release, '--application', world.application, '--release', version, '--wait']);
};

export const steps: readonly Step[] = [
  {
    name: 'starts and tells its version',
    async run(world) {
      const { stdout } = await must(world, ['--version']);
      return stdout.trim();
    },
  },
  {
    name: 'publishes a release',
    async run(world) {
      await publish(world, 'release-1', '1.0.0');
      return '';
    },
  },
  {
    name: 'setup prepares an install root',
    async run(world) {
      const { serverUrl, application } = world;
      const flags = ['--server', serverUrl, '--application', application, '--no-install', '--no-enrol', '--without-agent'];
      await must(world, ['setup', ...rootFlags(world), ...flags]);
      return '';
    },
  },
  {
    name: 'check finds the release',
    async run(world) {
      const { stdout } = await must(world, ['check', ...rootFlags(world)]);
      if (!/new +1\.0\.0/.test(stdout)) throw new Error(stdout);
      return '';
    },
  },
  {
    name: 'install installs it',
    async run(world) {
      await must(world, ['install', ...rootFlags(world), '--yes']);
      return '';
    },
  },
  {
    name: 'an update is made of patches, in threads',
    async run(world) {
      await publish(world, 'release-2', '1.0.1');
      const { stderr } = await must(world, ['install', ...rootFlags(world), '--yes']);
      if (/did not work out/.test(stderr)) throw new Error(stderr);
      const files = ['program.bin', 'release.txt'];
      for (const file of files)
        if (!(await readFile(at(world, 'install', file))).equals(await readFile(at(world, 'release-2', file))))
          throw new Error(`${file} is not that of the release`);
      const result = await json(world, ['status', ...rootFlags(world)]);
      assertEqual('the installed version', result.version, '1.0.1');
      return '';
    },
  },
  {
    name: 'verify finds every file whole',
    async run(world) {
      await must(world, ['verify', ...rootFlags(world)]);
      return '';
    },
  },
  {
    name: 'launch starts the application',
    async run(world) {
      const { stdout } = await must(world, ['launch', ...rootFlags(world), '--', ...world.executable.application]);
      assertEqual('what it printed', stdout.trim(), 'started');
      return '';
    },
  },
  {
    name: 'agent does a round',
    async run(world) {
      await must(world, ['agent', ...rootFlags(world), '--once']);
      return '';
    },
  },
  {
    name: 'a bundle on a stick is written, and installed without a server',
    async run(world) {
      const { executable, application } = world;
      const stick = executable.path(at(world, 'stick'));
      await must(world, ['bundle', '--application', application, '--release', '1.0.1', '--out', stick]);
      const root = executable.path(at(world, 'offline'));
      const trust = executable.path(at(world, 'install', '.remendo', 'trust', 'root.json'));
      await must(world, ['install', '--from', stick, '--root', root, '--trust-root', trust, '--yes']);
      return '';
    },
  },
  {
    name: 'a publisher makes a delta, looks into it and applies it',
    async run(world) {
      const path = (name: string): string => world.executable.path(at(world, name));
      const made = await json(world, ['diff', path('release-1'), path('release-2'), '--out', path('delta')]);
      const program = (made.files as readonly { path: string; how: string }[]).find((file) => file.path === 'program.bin');
      assertEqual('the program in the delta', program?.how, 'patch');
      await must(world, ['inspect', path('delta')]);
      await must(world, ['apply', path('release-1'), path('delta'), '--out', path('applied')]);
      return `${String(made.bytes)} bytes for ${(await readdir(at(world, 'applied'))).length} files`;
    },
  },
  {
    name: 'a relay listens',
    async run(world) {
      const { executable, serverUrl } = world;
      const place = ['--folder', executable.path(at(world, 'relay')), '--host', '127.0.0.1', '--port', '0'];
      const started = executable.start(['relay', ...place, '--server', serverUrl, '--json'], {});
      await started.printed;
      started.process.kill();
      const { stdout, stderr } = await started.ended;
      if (!stdout.includes('listening')) throw new Error(`${stdout}${stderr}`);
      return '';
    },
  },
  {
    name: 'verifies an OpenPGP signature',
    async run(world) {
      if (lacksGpg) return 'left out: there is no gpg to make one';
      const gpg = createGnupg();
      gpg.newKey('anna');
      const files = {
        'a.zip': Buffer.from('a zip'),
        'a.sig': gpg.sign(Buffer.from('a zip'), ['anna']),
        'anna.asc': gpg.exportKeys('anna'),
      };
      gpg.close();
      for (const [name, bytes] of Object.entries(files)) await writeFile(at(world, name), bytes);
      const path = (name: string): string => world.executable.path(at(world, name));
      const { stdout } = await must(world, [
        'verify-signature',
        path('a.zip'),
        '--signature',
        path('a.sig'),
        '--keys',
        path('anna.asc'),
      ]);
      if (!stdout.includes('anna <anna@example.com>')) throw new Error(stdout);
      return '';
    },
  },
  {
    name: 'says that it makes no bsdiff40 patches',
    async run(world) {
      const path = (name: string): string => world.executable.path(at(world, name));
      const { stderr } = await must(world, [
        ...['diff', path('release-1'), path('release-2'), '--out', path('delta-of-bsdiff'), '--codec', 'bsdiff40'],
      ]);
      if (!stderr.includes('bsdiff-node is not there')) throw new Error(stderr);
      return '';
    },
  },
  {
    name: 'may be renamed while it runs, and another put in its place',
    async run(world) {
      const { executable, serverUrl } = world;
      const [own, renamed] = [at(world, 'own.exe'), at(world, 'own.old.exe')];
      await copyFile(executable.file, own);
      const args = ['launch', ...rootFlags(world), '--', ...executable.slowApplication];
      const started = executable.start(args, { REMENDO_SERVER_URL: serverUrl }, own);
      await started.printed;
      await rename(own, renamed);
      await copyFile(executable.file, own);
      const { code, stderr } = await started.ended;
      if (code !== 0) throw new Error(stderr);
      return '';
    },
  },
];
