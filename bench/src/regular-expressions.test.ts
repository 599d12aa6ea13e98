/**
 * Every regular expression in what is shipped, on texts made to hold it up: twice the text must not be more than twice the work,
 * counted and not timed. Which of them meets text from outside changes with every commit, so all are held to it.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { attacksOn, countSteps, parseRegex, TooManySteps } from '@remendo/core/testing';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const stepsMax = 3_000_000;
const length = 400;

/** Those that grow faster, and what they meet: nothing from outside. */
const bounded: Readonly<Record<string, string>> = {
  '/v?(\\d[^/\\\\]*)\\.zip$/i': 'a path that the publisher typed',
  '/\\B(?=(?:\\d{3})+$)/g': 'the digits of one number',
};

interface Found {
  readonly where: string;
  readonly regex: RegExp;
}

/** Literals, and the patterns of schemas. */
function expressionsIn(file: string): readonly Found[] {
  const source = ts.createSourceFile(file, readFileSync(`${root}/${file}`, 'utf8'), ts.ScriptTarget.Latest);
  const found: Found[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isRegularExpressionLiteral(node)) {
      const end = node.text.lastIndexOf('/');
      found.push({ where: file, regex: new RegExp(node.text.slice(1, end), node.text.slice(end + 1)) });
    }
    const isPattern = ts.isPropertyAssignment(node) && ts.isIdentifier(node.name) && node.name.text === 'pattern';
    if (isPattern && ts.isStringLiteralLike(node.initializer))
      found.push({ where: file, regex: new RegExp(node.initializer.text, 'u') });
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

/** The most steps that any attack of so many characters takes, relative to those of half of it. */
function worstGrowth(regex: RegExp): number {
  const piece = parseRegex(regex);
  let worst = 0;
  for (const attack of attacksOn(piece)) {
    try {
      const [half, whole] = [length, 2 * length].map((characters) => countSteps(piece, attack(characters), stepsMax)) as [
        number,
        number,
      ];
      worst = Math.max(worst, whole / Math.max(half, 4 * length));
    } catch (error) {
      if (!(error instanceof TooManySteps || error instanceof RangeError)) throw error;
      return Number.POSITIVE_INFINITY;
    }
  }
  return worst;
}

describe('the counter', () => {
  it.each([/(a+)+$/, /(a|a)*$/, /(?:\s*a\s*)*x/])('sees that %s explodes', (regex) => {
    expect(worstGrowth(regex)).toBe(Number.POSITIVE_INFINITY);
  });

  it.each([/\s+$/, /.*a.*b/, /\d+\.\d+x/])('sees that %s grows with the square', (regex) => {
    expect(worstGrowth(regex)).toBeGreaterThan(3);
  });

  it.each([/^[a-z]+$/, /^\d{1,5}(?:\.\d{1,5}){3}$/, /[^a]/, /^(?:a|b)*$/])('sees that %s does not', (regex) => {
    expect(worstGrowth(regex)).toBeLessThan(2.3);
  });
});

const files = readdirSync(`${root}/packages`)
  .flatMap((name) => readdirSync(`${root}/packages/${name}/src`, { recursive: true }).map((path) => `packages/${name}/src/${path}`))
  .map((file) => file.replaceAll('\\', '/'))
  .filter((file) => file.endsWith('.ts') && !/\.test\.|\.contract\.ts$|\/testing\/|\.generated\.ts$|\.d\.ts$/.test(file))
  .sort();
const all = new Map(files.flatMap(expressionsIn).map((found) => [`${found.regex} in ${found.where}`, found.regex]));

describe('work that grows no faster than the text', () => {
  it.each([...all].filter(([, regex]) => bounded[String(regex)] === undefined))('%s', (_, regex) => {
    expect(worstGrowth(regex)).toBeLessThan(2.3);
  });

  it.each(Object.entries(bounded))('is not asked of %s, which meets %s', (text) => {
    expect([...all.values()].map(String)).toContain(text);
  });
});
