/** What comes with this program: what may be in it, and the bill of it. */
import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';

const repository = fileURLToPath(new URL('../../', import.meta.url));
const folders = ['packages/core', 'packages/server', 'packages/cli', 'bench', 'fixtures'];

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const run = (root: string, script: string, ...args: readonly string[]): Promise<Ran> =>
  new Promise((resolve) => {
    execFile(process.execPath, [join(root, 'scripts', script), ...args], { maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
    );
  });

describe('the audit of dependencies', () => {
  const copies: string[] = [];
  afterEach(() => {
    for (const copy of copies.splice(0)) rmSync(copy, { recursive: true, force: true });
  });

  /** The repository as far as the audit looks at it, with one file changed. */
  function copyWith(name: string, change: (text: string) => string): string {
    const copy = mkdtempSync(join(tmpdir(), 'remendo-audit-'));
    copies.push(copy);
    const files = [
      'scripts',
      'package.json',
      'pnpm-lock.yaml',
      'pnpm-workspace.yaml',
      ...folders.map((one) => `${one}/package.json`),
    ];
    for (const file of files) cpSync(join(repository, file), join(copy, file), { recursive: true });
    symlinkSync(join(repository, 'node_modules'), join(copy, 'node_modules'), 'junction');
    const path = join(copy, name);
    const text = readFileSync(path, 'utf8');
    writeFileSync(path, change(text));
    expect(readFileSync(path, 'utf8')).not.toBe(text);
    return copy;
  }

  it('finds nothing wrong with what is installed', async () => {
    const ran = await run(repository, 'audit-dependencies.mjs', '--offline');
    expect(ran.stdout + ran.stderr).not.toContain('✖');
    expect(ran.code).toBe(0);
  });

  const faults: readonly (readonly [string, string, (text: string) => string, string])[] = [
    [
      'a package without its hash',
      'pnpm-lock.yaml',
      (text) => text.replace(/integrity: sha512-\S{88}/, 'integrity: sha1-abc='),
      'has no SHA-512',
    ],
    [
      'a package that comes from elsewhere',
      'pnpm-lock.yaml',
      (text) => text.replace(/(integrity: sha512-[^}\s]+)\}/, '$1, tarball: https://elsewhere.example/a.tgz}'),
      'does not come from the registry',
    ],
    [
      'a version that the lock file does not know',
      'packages/core/package.json',
      (text) => text.replace('"yauzl": "', '"yauzl": "^'),
      'yauzl is ^',
    ],
    [
      'another package that may run what it likes',
      'pnpm-workspace.yaml',
      (text) => text.replace('esbuild: false', 'esbuild: true'),
      'lets esbuild run',
    ],
    [
      'an install script that nobody decided on',
      'pnpm-workspace.yaml',
      (text) => text.replace(/\n +esbuild: false/, ''),
      'esbuild has an install script',
    ],
    [
      'a workspace that passes such scripts over',
      'pnpm-workspace.yaml',
      (text) => text.replace('strictDepBuilds: true', ''),
      'strictDepBuilds',
    ],
  ];
  it.each(faults)('finds %s', async (_, name, change, problem) => {
    const ran = await run(copyWith(name, change), 'audit-dependencies.mjs', '--offline');
    expect(ran.stdout).toContain(problem);
    expect(ran.code).toBe(1);
  });
});

interface Bom {
  readonly specVersion: string;
  readonly components: readonly {
    readonly name: string;
    readonly group?: string;
    readonly version: string;
    readonly purl: string;
    readonly licenses?: readonly object[];
    readonly hashes?: readonly { readonly alg: string; readonly content: string }[];
  }[];
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn?: readonly string[] }[];
}

describe('the bill of materials', () => {
  let ran: Ran;
  let bom: Bom;
  beforeAll(async () => {
    ran = await run(repository, 'sbom.mjs');
    expect(ran.code, ran.stderr).toBe(0);
    bom = JSON.parse(ran.stdout) as Bom;
  });

  it('is the same whenever it is made', async () => {
    expect((await run(repository, 'sbom.mjs')).stdout).toBe(ran.stdout);
  });

  it('is valid by the schema of CycloneDX 1.6', () => {
    expect(bom.specVersion).toBe('1.6');
    expect(ran.stderr).toContain('validated against the schema');
  });

  it('has every production dependency, with version, licence and hash, and nothing of development', () => {
    const purls = bom.components.map(({ purl }) => purl);
    for (const folder of folders.slice(0, 3)) {
      const { dependencies } = JSON.parse(readFileSync(join(repository, folder, 'package.json'), 'utf8')) as {
        readonly dependencies: Readonly<Record<string, string>>;
      };
      for (const name of Object.keys(dependencies))
        expect(
          purls.some((purl) => purl.startsWith(`pkg:npm/${name.replace('@', '%40')}@`)),
          name,
        ).toBe(true);
    }
    for (const { purl, group, licenses, hashes } of bom.components) {
      expect(licenses?.length, purl).toBeGreaterThan(0);
      if (group !== '@remendo') expect(hashes?.[0]?.content, purl).toMatch(/^[0-9a-f]{128}$/);
    }
    expect(bom.components.map(({ name }) => name)).not.toContain('vitest');
  });

  it('says which package needs which, and has each of them', () => {
    const refs = new Set(bom.dependencies.map(({ ref }) => ref));
    for (const { dependsOn = [] } of bom.dependencies) for (const ref of dependsOn) expect(refs).toContain(ref);
    const core = bom.dependencies.find(({ ref }) => ref.startsWith('pkg:npm/%40remendo/core@'));
    expect(core?.dependsOn?.some((ref) => ref.startsWith('pkg:npm/tuf-js@'))).toBe(true);
  });

  it('has no licence that the documents do not name', () => {
    const docs = readFileSync(join(repository, 'docs/operating/terminal-setup.md'), 'utf8');
    const names = new Set(
      [...JSON.stringify(bom.components.map(({ licenses }) => licenses)).matchAll(/"(?:id|name|expression)":"([^"]+)"/g)].map(
        ([, name]) => name,
      ),
    );
    for (const name of names) expect(docs, name).toContain(`\`${name}\``);
  });
});
