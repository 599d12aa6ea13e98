import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runRemendo, temporaryFolders } from './testing/run-remendo.js';

interface Packed {
  readonly outputs: Readonly<
    Record<
      string,
      {
        readonly entryPoint?: string;
        readonly imports: readonly { readonly path: string; readonly kind: string }[];
        readonly inputs: Readonly<Record<string, unknown>>;
      }
    >
  >;
}

/** In a folder of the package, as it is installed: the native package is looked for from there. */
let folder: string;
let packed: Packed;
const newFolder = temporaryFolders();

beforeAll(async () => {
  folder = await mkdtemp(fileURLToPath(new URL('../dist/packed-', import.meta.url)));
  const packer = (await import(new URL('../pack.mjs', import.meta.url).href)) as {
    packCommand(folder: string): Promise<Packed>;
  };
  packed = await packer.packCommand(folder);
});

afterAll(() => rm(folder, { recursive: true, force: true }));

/** Packages of which something is loaded before the first line of a module's commands runs. */
function librariesOf(entryPoint: string): ReadonlySet<string> {
  const files = new Set<string>();
  const follow = (file: string): void => {
    const output = packed.outputs[file];
    if (files.has(file) || output === undefined) return;
    files.add(file);
    for (const { path, kind } of output.imports) if (kind === 'import-statement') follow(path);
  };
  const [entry] = Object.entries(packed.outputs).find(([, output]) => output.entryPoint?.endsWith(`/cli/dist/${entryPoint}`)) ?? [];
  follow(entry ?? `no part of ${entryPoint}`);
  const inputs = [...files].flatMap((file) => Object.keys(packed.outputs[file]?.inputs ?? {}));
  return new Set(inputs.map((path) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? ''));
}

describe('the packed command', () => {
  it('lets an application start without loading servers, mailers and signers of other commands', () => {
    const loaded = librariesOf('terminal/commands.js');
    expect(loaded).toContain('commander');
    for (const other of ['fastify', 'nodemailer', '@googleapis/sheets', 'openpgp', 'bonjour-service', 'ky', 'yazl'])
      expect(loaded).not.toContain(other);
  });

  it('makes patches and applies them in threads of its own', async () => {
    const work = await newFolder();
    const base = join(work, 'base');
    const target = join(work, 'target');
    await writeFile(base, 'what the terminal has '.repeat(1000));
    await writeFile(target, 'what the terminal has '.repeat(700) + 'what it should have '.repeat(300));
    const command = join(folder, 'remendo.js');
    const made = await runRemendo(['diff', base, target, '--out', join(work, 'delta'), '--json'], { command });
    expect(made.json()).toMatchObject({ files: [{ path: 'target', how: 'patch' }] });
    expect((await runRemendo(['apply', base, join(work, 'delta'), '--out', join(work, 'out')], { command })).code).toBe(0);
    expect(await readFile(join(work, 'out/target'), 'utf8')).toBe(await readFile(target, 'utf8'));
  });
});
