/** The executable as an agent that replaces itself: what runs is another file afterwards, and the next start is the new one. */
import { appendFile, copyFile, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Ran } from './executable.js';
import type { Step, World } from './steps.js';

/** Of the command: another version stands in its place. */
const restart = 36;

interface Own {
  readonly world: World;
  /** The agent's own install, and its program. */
  readonly root: string;
  readonly program: string;
}

/** What the program does, started as a service starts it: it, or its spare. */
async function run({ world, root, program }: Own, args: readonly string[], part: 'program' | 'spare' = 'program'): Promise<Ran> {
  const file = part === 'program' ? join(root, program) : join(root, '.remendo', 'spare', program);
  const { executable, folder, serverUrl } = world;
  const place = ['--root', executable.path(join(folder, 'install'))];
  return await executable.start(['agent', ...place, ...args, '--json'], { REMENDO_SERVER_URL: serverUrl }, file).ended;
}

async function must(own: Own, args: readonly string[], { code = 0, part = 'program' as 'program' | 'spare' } = {}): Promise<void> {
  const ran = await run(own, args, part);
  if (ran.code !== code)
    throw new Error(`the ${part} ended with ${ran.code}, not ${code}:\n${ran.stdout}${ran.stderr}\n${await logOf(own)}`);
}

const logOf = ({ root }: Own): Promise<string> => readFile(join(root, '.remendo', 'update.log'), 'utf8').catch(() => '(no log)');

async function assertTold(own: Own, event: string): Promise<void> {
  const log = await logOf(own);
  if (!log.includes(`"event":"${event}"`)) throw new Error(`the log does not tell of ${event}:\n${log}`);
}

async function assertSame(what: string, one: string, other: string): Promise<void> {
  if (!(await readFile(one)).equals(await readFile(other))) throw new Error(`${what}: ${one} is not ${other}`);
}

/** A release of the agent, for the platform that it asks for by default. */
async function publish({ world, program }: Own, version: string, write: (file: string) => Promise<unknown>): Promise<string> {
  const { executable, folder, serverUrl, token } = world;
  const release = join(folder, `agent-${version}`);
  const file = join(release, program);
  await mkdir(release);
  await write(file);
  const platform = program.endsWith('.exe') ? 'win-x64' : 'linux-x64';
  const flags = ['--application', 'remendo-agent', '--platform', platform, '--release', version];
  const environment = { REMENDO_TOKEN: token, REMENDO_SERVER_URL: serverUrl };
  const { code, stderr } = await executable.start(['publish', executable.path(release), ...flags], environment).ended;
  if (code !== 0) throw new Error(stderr);
  return file;
}

export const selfUpdate: Step = {
  name: 'an agent replaces itself while it runs, is proved, and refuses what is not fit',
  async run(world) {
    const { executable, folder } = world;
    const own: Own = { world, root: join(folder, 'agent'), program: executable.file.endsWith('.exe') ? 'remendo.exe' : 'remendo' };
    const live = join(own.root, own.program);
    await mkdir(own.root);
    await copyFile(executable.file, live);
    // Bytes behind its end make another file of it, and change nothing that it does.
    const next = await publish(own, '1.1.0', async (file) => {
      await copyFile(executable.file, file);
      await appendFile(file, 'one more');
    });
    // The agent that never ran begins with a round.
    await rm(join(folder, 'install', '.remendo', 'agent.json'), { force: true });
    await must(own, [], { code: restart });
    await assertSame('what was put in place', live, next);
    await assertSame('the spare', join(own.root, '.remendo', 'spare', own.program), executable.file);
    await must(own, ['--guard'], { part: 'spare' });
    await must(own, ['--once']);
    await assertTold(own, 'agent_confirmed');
    await publish(own, '1.2.0', (file) => writeFile(file, 'no program', { mode: 0o755 }));
    await must(own, ['--once']);
    await assertTold(own, 'agent_update_failed');
    await assertSame('what stayed', live, next);
    return `${((await stat(live)).size / 1e6).toFixed(0)} MB`;
  },
};
