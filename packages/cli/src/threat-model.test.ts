/** docs/threat-model.md and SECURITY.md against the tree: every test, command, setting and code that they name is there. */
import { existsSync, readFileSync } from 'node:fs';
import { errorCatalogue } from '@remendo/core';
import { describe, expect, it } from 'vitest';
import { createCommandTree } from './command-tree.js';

const repository = new URL('../../../', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, repository), 'utf8');

const model = read('docs/threat-model.md');
const pages = ['docs/threat-model.md', 'SECURITY.md'].map((path) => ({ path, text: read(path) }));

/** Flags and variables, of the server, the terminal and `setup`. */
const settingNames = [
  'packages/server/src/settings.ts',
  'packages/cli/src/settings.ts',
  'packages/cli/src/setup/commands.ts',
].flatMap((path) => [...read(path).matchAll(/'(--[a-z-]+|REMENDO_\w+)\b/g)].map(([, name = '']) => name));

/** `core/update/update.test.ts` “refuses a downgrade” */
const namedTest = /`(\w+)\/([\w./-]+\.test\.ts)` “([^”]+)”/g;

/** Where the sources of a part are: `core/…` stands for `packages/core/src/…`. */
const sourcesOf = (part: string): string => (part === 'bench' ? 'bench/src/' : `packages/${part}/src/`);

/** Whether a source file has the text as one whole literal, as titles are; typographic escapes count as what they mean. */
function hasLiteral(source: string, text: string): boolean {
  const plain = source
    .replace(/\\u([0-9a-f]{4})/gi, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)))
    .replace(/\\'/g, "'");
  return ["'", '"', '`'].some((quote) => plain.includes(quote + text + quote));
}

/** The rows of every table that names a test for each. */
function attacks(): readonly { readonly attack: string; readonly tests: string }[] {
  const tables = model.split('\n\n').filter((block) => /^\|.*\| test \|\n/.test(block));
  return tables.flatMap((table) => {
    const rows = table.trim().split('\n').slice(2);
    return rows.map((row) => {
      const cells = row.split('|').map((cell) => cell.trim());
      return { attack: cells[1] ?? '', tests: cells.at(-2) ?? '' };
    });
  });
}

describe('docs/threat-model.md', () => {
  it('names tests that there are', () => {
    const named = [...model.matchAll(namedTest)];
    expect(named.length).toBeGreaterThan(50);
    const missing = named.filter(([, part = '', path = '', title = '']) => {
      const file = `${sourcesOf(part)}${path}`;
      return !existsSync(new URL(file, repository)) || !hasLiteral(read(file), title);
    });
    expect(missing.map(([name]) => name)).toEqual([]);
  });

  it('names one for every attack', () => {
    expect(attacks().length).toBeGreaterThan(50);
    const unproved = attacks().filter(({ tests }) => tests.split('<br>').some((test) => test.replace(namedTest, '') !== ''));
    expect(unproved.map(({ attack }) => attack)).toEqual([]);
  });
});

describe.each(pages)('$path', ({ path, text }) => {
  it('names commands, scripts, settings and codes that there are', async () => {
    const commands = (await createCommandTree(async () => {})).commands.flatMap((one) => [
      one.name(),
      ...one.commands.map((below) => `${one.name()} ${below.name()}`),
    ]);
    const scripts = Object.keys((JSON.parse(read('package.json')) as { scripts: object }).scripts);
    const unknown = (pattern: RegExp, known: readonly string[]): readonly string[] =>
      [...text.matchAll(pattern)].map(([, name = '']) => name).filter((name) => !known.includes(name));
    expect(unknown(/(?:`|^)remendo ((?:keys |releases )?[a-z-]+)/gm, commands)).toEqual([]);
    expect(unknown(/npm run (?:-s )?([a-z:-]+)/g, scripts)).toEqual([]);
    expect(unknown(/`((?!REMENDO_)[A-Z]+(?:_[A-Z]+)+)`/g, Object.keys(errorCatalogue))).toEqual([]);
    expect(unknown(/`[^`\n]*?(--[a-z-]+)/g, settingNames)).toEqual([]);
    expect(unknown(/\b(REMENDO_\w+)/g, settingNames)).toEqual([]);
  });

  it('links to what is there', () => {
    const targets = [...text.matchAll(/\]\(([^)#]+)[^)]*\)/g)]
      .map(([, target = '']) => target)
      .filter((target) => !target.startsWith('https:'));
    for (const target of targets) expect(existsSync(new URL(target, new URL(path, repository))), target).toBe(true);
  });
});
