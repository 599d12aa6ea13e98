/**
 * One server with two releases, and installs whose updates run steps: maintenance mode and a database that outlive every
 * program, as they do in life. What the campaigns of killed and disturbed terminals stand on.
 */
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installLayout, nodeFileSystem, peekInstall } from '@remendo/core';
import { scanFolder } from '@remendo/core/publish';
import { type CommandOptions, type CommandResult, type RunningServer, runRemendo, startServer } from '../demo/programs.js';

export const token = 'agent-campaign-token-for-loopback';
/** One machine plays hundreds of terminals. */
export const openDoors = [
  '--new-application-access',
  'public',
  '--requests-per-minute',
  '1000000',
  '--checks-per-minute',
  '1000000',
];

export interface Branch {
  readonly folder: string;
  readonly server: RunningServer;
  /** Installs to copy from. */
  readonly atBase: string;
  readonly atTarget: string;
  readonly baseFiles: string;
  readonly targetFiles: string;
  close(): Promise<void>;
}

/** A terminal that a campaign may ruin. */
export interface Victim {
  readonly root: string;
  /** Where maintenance mode and database are. */
  readonly world: string;
}

const appText = (version: string): string => `// ${version}\nsetTimeout(() => {}, Number(process.argv[2] ?? 0));\n`;

/** Bytes that compress badly and differ in places between the releases. */
export function engine(bytes: number, generation: number): Uint8Array {
  const content = new Uint8Array(bytes);
  let state = 12_345;
  for (let at = 0; at < bytes; at++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    content[at] = state >> 16;
  }
  for (let at = 0; at < bytes; at += 9_973) content[at] = generation;
  return content;
}

async function writeRelease(folder: string, version: string, generation: number): Promise<string> {
  await mkdir(join(folder, 'lib'), { recursive: true });
  await writeFile(join(folder, 'app.mjs'), appText(version));
  for (let number = 0; number < 12; number++)
    await writeFile(join(folder, 'lib', `part-${number}.dll`), engine(60_000 + number * 7_000, number % 3 === 0 ? generation : 1));
  await writeFile(join(folder, generation === 1 ? 'old.txt' : 'new.txt'), version);
  return folder;
}

/** Path, size and digest of everything that is the application's. */
export async function filesOf(folder: string): Promise<string> {
  const { manifest } = await scanFolder(nodeFileSystem(), folder, { application: 'erp', platform: 'any', version: '0.0.0' });
  return JSON.stringify(manifest.files.map(({ path, bytes, sha256 }) => [path, bytes, sha256]));
}

export async function must(server: string, args: readonly string[], options: CommandOptions = {}): Promise<CommandResult> {
  const env = { REMENDO_SERVER_URL: server, REMENDO_TOKEN: token, ...options.env };
  const result = await runRemendo(args, { ...options, env });
  if (result.code !== 0)
    throw new Error(`remendo ${args.join(' ')} ended with ${result.code}:\n${result.stdout}\n${result.stderr}`);
  return result;
}

export async function openBranch(name: string): Promise<Branch> {
  const folder = await mkdtemp(join(tmpdir(), `remendo-${name}-`));
  const server = await startServer(join(folder, 'server'), token, openDoors);
  await writeFile(join(folder, 'step.mjs'), stepText);
  const atBase = join(folder, 'at-base');
  const atTarget = join(folder, 'at-target');
  const releases = [
    await writeRelease(join(folder, 'one'), '1.0.0', 1),
    await writeRelease(join(folder, 'two'), '1.0.1', 2),
  ] as const;
  const publish = (at: string, version: string): Promise<CommandResult> =>
    must(server.url, ['publish', at, '--application', 'erp', '--release', version, '--wait', '--json']);
  await publish(releases[0], '1.0.0');
  await must(server.url, ['install', '--root', atBase, '--application', 'erp', '--yes', '--json']);
  await publish(releases[1], '1.0.1');
  await cp(atBase, atTarget, { recursive: true });
  await must(server.url, ['install', '--root', atTarget, '--yes', '--json']);
  return {
    folder,
    server,
    atBase,
    atTarget,
    baseFiles: await filesOf(releases[0]),
    targetFiles: await filesOf(releases[1]),
    async close() {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** `step.mjs WORLD maintenance on|off` and `step.mjs WORLD database VERSION`, each with a moment in its middle. */
const stepText = `
import { renameSync, rmSync, writeFileSync } from 'node:fs';
const [world, what, value] = process.argv.slice(2);
writeFileSync(\`\${world}/trying\`, \`\${what} \${value}\`);
await new Promise((resolve) => setTimeout(resolve, 40));
if (what === 'maintenance' && value === 'off') rmSync(\`\${world}/maintenance\`, { force: true });
else {
  writeFileSync(\`\${world}/\${what}.new\`, value);
  renameSync(\`\${world}/\${what}.new\`, \`\${world}/\${what}\`);
}
console.log(\`\${what} is \${value} now\`);
`;

/** The configuration of an install whose updates change the world around it. */
export function configurationOf({ folder, server }: Branch, { world }: Victim, more: object = {}): object {
  const program = (...words: readonly string[]) => ({
    command: process.execPath,
    args: [join(folder, 'step.mjs'), world, ...words],
  });
  return {
    server: server.url,
    application: 'erp',
    agent: { jitterMinutesMax: 0, proof: 'launch', holdFile: join(world, 'hold') },
    healthyAfterMs: 300,
    steps: {
      before: [{ name: 'Maintenance on', ...program('maintenance', 'on') }],
      after: [
        {
          name: 'Migrate the database',
          ...program('database', '{target}'),
          changesData: true,
          undo: program('database', '{base}'),
        },
      ],
      finally: [{ name: 'Maintenance off', ...program('maintenance', 'off') }],
    },
    ...more,
  };
}

/** A copy of the base's or the target's install, with a world that fits it. */
export async function newVictim(branch: Branch, name: string, at: 'base' | 'target' = 'base', home?: string): Promise<Victim> {
  const root = join(home ?? branch.folder, name, 'erp');
  const world = join(branch.folder, `${name}-world`);
  await rm(join(home ?? branch.folder, name), { recursive: true, force: true });
  await rm(world, { recursive: true, force: true });
  await mkdir(join(home ?? branch.folder, name), { recursive: true });
  await cp(at === 'base' ? branch.atBase : branch.atTarget, root, { recursive: true });
  await mkdir(world, { recursive: true });
  await writeFile(join(world, 'database'), at === 'base' ? '1.0.0' : '1.0.1');
  const victim = { root, world };
  await writeConfiguration(branch, victim);
  return victim;
}

export const writeConfiguration = (branch: Branch, victim: Victim, more: object = {}): Promise<void> =>
  writeFile(join(victim.root, '.remendo', 'remendo.config.json'), JSON.stringify(configurationOf(branch, victim, more), null, 2));

export type Found = 'base' | 'target';

/** @throws Error when it is neither release, or the world is not of the same one. */
export async function agreed(branch: Branch, { root, world }: Victim, what: string): Promise<Found> {
  const files = await filesOf(root);
  const found = files === branch.baseFiles ? 'base' : files === branch.targetFiles ? 'target' : null;
  if (found === null) throw new Error(`neither release ${what}`);
  const database = await readFile(join(world, 'database'), 'utf8');
  if (database !== (found === 'base' ? '1.0.0' : '1.0.1'))
    throw new Error(`the files are of the ${found}, and the database is ${database} ${what}`);
  const isInMaintenance = await readFile(join(world, 'maintenance')).then(
    () => true,
    () => false,
  );
  if (isInMaintenance) throw new Error(`it was left in maintenance mode ${what}`);
  return found;
}

/** Where an update stands, by its journal. */
export async function phaseOf({ root }: Victim): Promise<string> {
  const last = await peekInstall(nodeFileSystem(), installLayout(root)).catch(() => null);
  if (last === null) return 'check, plan, download';
  const running = last.steps.find(({ mark, phase }) => mark === 'began' && phase !== 'finally');
  const isFinally = last.steps.some(({ phase, mark }) => phase === 'finally' && mark !== 'planned');
  switch (last.state) {
    case 'begun':
      return 'stage';
    case 'staged':
      return last.steps.some(({ mark }) => mark !== 'planned') ? 'before steps' : 'staged';
    case 'committing':
      return 'swap';
    case 'committed':
      if (running !== undefined) return 'after steps';
      return isFinally ? 'finally, start, proof' : 'after steps';
    case 'rolling_back':
      return 'rollback';
    default:
      return 'check, plan, download';
  }
}

export interface LogEntry {
  readonly event: string;
  readonly [field: string]: unknown;
}

/** @throws Error for a line that is torn. */
export async function logOf({ root }: Pick<Victim, 'root'>): Promise<readonly LogEntry[]> {
  const text = await readFile(join(root, '.remendo', 'update.log'), 'utf8').catch(() => '');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as LogEntry);
}
