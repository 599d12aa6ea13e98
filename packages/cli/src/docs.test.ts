/** docs/cli.md against the sources. */
import { readFileSync } from 'node:fs';
import { errorCatalogue } from '@remendo/core';
import { describe, expect, it } from 'vitest';
import { createCommandTree } from './command-tree.js';
import { exitClassOf, exitCodes } from './exit-codes.js';
import { type Setting, settings } from './settings.js';

const docs = readFileSync(new URL('../../../docs/cli.md', import.meta.url), 'utf8');
const tableRows = docs
  .split('\n')
  .filter((line) => line.startsWith('| '))
  .map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );

describe('docs/cli.md', () => {
  it('lists every exit code with its class and its error codes', () => {
    for (const [name, code] of Object.entries(exitCodes)) {
      const row = tableRows.find((cells) => cells[1] === name);
      const codes = Object.keys(exitClassOf).filter((one) => exitClassOf[one as keyof typeof exitClassOf] === name);
      expect(row?.[0], `the exit code of ${name}`).toBe(String(code));
      expect(row?.[3], `the error codes of ${name}`).toBe(codes.map((one) => `\`${one}\``).join(', '));
    }
  });

  it('lists every setting as the table has it', () => {
    for (const one of Object.values<Setting>(settings)) {
      const flag = one.flag === null ? '—' : `\`${[one.flag, one.argument].filter((part) => part !== null).join(' ')}\``;
      const row = tableRows.find((cells) => cells[0] === `\`${one.name}\``);
      expect(row).toEqual([`\`${one.name}\``, flag, `\`${one.variable}\``, one.default ?? '—', one.unit ?? '—', one.sentence]);
    }
  });

  it('lists every command', async () => {
    for (const command of (await createCommandTree(async () => {})).commands) {
      const names = command.commands.length === 0 ? [''] : command.commands.map((one) => `${one.name()} `);
      for (const name of names) expect(docs).toContain(`| \`remendo ${command.name()} ${name}`);
    }
  });
});

describe('exit codes', () => {
  it('every error code has the class of its prefix', () => {
    for (const code of Object.keys(errorCatalogue) as (keyof typeof errorCatalogue)[]) {
      const prefix = code.slice(0, code.indexOf('_')).toLowerCase();
      expect(exitClassOf[code]).toBe(prefix === 'config' ? 'usage' : prefix);
    }
  });

  it('no two classes share a number', () => {
    const numbers = Object.values(exitCodes);
    expect(new Set(numbers).size).toBe(numbers.length);
  });
});
