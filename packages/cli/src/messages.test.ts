/** Every sentence in every language. What one lacks does not compile; what was only copied is found here. */
import { readdirSync, readFileSync } from 'node:fs';
import { type ErrorCode, errorCatalogue } from '@remendo/core';
import { describe, expect, it } from 'vitest';
import { type Language, languageOf, languages, type Sentences } from './language.js';
import { advisedCodes, errorSentence } from './output/error-sentences.js';
import { quantities } from './output/quantity.js';
import { isYes } from './terminal/ask.js';

const folder = new URL('.', import.meta.url);
const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  .map((path) => path.replaceAll('\\', '/'))
  .filter((path) => path.endsWith('.ts') && !path.includes('.test.') && namesIn(path).length > 0);

/** Of what a file exports as sentences. */
function namesIn(path: string): readonly string[] {
  const source = readFileSync(new URL(path, folder), 'utf8');
  return [...source.matchAll(/^export const (\w+) = inLanguages\(/gm)].map(([, name]) => name ?? '');
}

type Area = (language: Language) => Sentences;

async function areasOf(path: string): Promise<readonly Area[]> {
  const exported: Readonly<Record<string, Area>> = await import(/* @vite-ignore */ new URL(path, folder).href);
  return namesIn(path).flatMap((name) => exported[name] ?? []);
}

/** Words for people: without what is put in, commands, flags, variables and addresses. */
const wordsIn = (sentence: unknown): readonly string[] => {
  const text =
    typeof sentence === 'function'
      ? [...String(sentence).matchAll(/(['"`])((?:\\.|(?!\1).)*)\1/gs)].map((found) => found[2]).join(' ')
      : String(sentence);
  return text.replace(/\$\{[^}]*\}|remendo \w+|--[\w-]+|REMENDO_\w+|\S*[:/_=.]\S*/g, ' ').match(/\p{L}{3,}/gu) ?? [];
};

/** Words that are the same in two languages are no sentence; three in a row are. */
const isSentence = (sentence: unknown): boolean => wordsIn(sentence).length >= 3;

describe('messages', () => {
  it('are sentences from three words on, whatever is put in', () => {
    expect(isSentence('nothing newer')).toBe(false);
    expect(isSentence('nothing was done')).toBe(true);
    expect(isSentence((version: string) => `${version} was offered here`)).toBe(true);
    expect(isSentence((first: string, second: string) => `${first} → ${second} (${first})`)).toBe(false);
  });

  it.each(files)('%s says nothing in English to those who speak Portuguese or Italian', async (path) => {
    const areas = await areasOf(path);
    for (const area of areas) {
      const english = area('en');
      for (const language of ['pt', 'it'] as const) {
        const copied = Object.entries(area(language)).filter(
          ([name, text]) => String(text) === String(english[name]) && isSentence(text),
        );
        expect(copied.map(([name]) => `${name} in ${language}`)).toEqual([]);
      }
    }
  });

  it('have a sentence for every error code, and the same next steps, in every language', () => {
    for (const code of Object.keys(errorCatalogue) as ErrorCode[]) {
      const sentences = languages.map((language) => errorSentence(code, language));
      expect(new Set(sentences).size, code).toBe(languages.length);
      for (const sentence of sentences) expect(sentence, code).toMatch(/^\p{Lu}.*\.$/u);
    }
    expect([advisedCodes('pt'), advisedCodes('it')]).toEqual([advisedCodes('en'), advisedCodes('en')]);
  });
});

describe('the language', () => {
  const languageFrom = (asked: string | undefined, environment: object, configured?: string, systemLocale = 'en-US') =>
    languageOf({ asked, environment: environment as NodeJS.ProcessEnv, configured: () => configured, systemLocale });

  it('is what the flag says, then the variable, the configuration, the system; English when none is spoken', () => {
    const environment = { REMENDO_LANGUAGE: 'it', LANG: 'pt_BR.UTF-8' };
    expect(languageFrom('pt', environment)).toBe('pt');
    expect(languageFrom(undefined, environment, 'en')).toBe('it');
    expect(languageFrom(undefined, { LANG: 'it_IT.UTF-8' }, 'pt')).toBe('pt');
    expect(languageFrom(undefined, { LC_ALL: '', LC_MESSAGES: 'pt_BR', LANG: 'it_IT' })).toBe('pt');
    expect(languageFrom(undefined, {}, undefined, 'pt-BR')).toBe('pt');
    expect(languageFrom(undefined, { LANG: 'C' }, undefined, 'pt-BR')).toBe('en');
    expect(languageFrom(undefined, { LANG: 'de_DE' })).toBe('en');
  });

  it('has its own numbers', () => {
    const inEach = (text: (of: (typeof quantities)['en']) => string): readonly string[] =>
      languages.map((language) => text(quantities[language]));
    expect(inEach(({ bytes }) => bytes(1_234_567))).toEqual(['1.23 MB', '1,23 MB', '1,23 MB']);
    expect(inEach(({ bytes }) => bytes(999))).toEqual(['999 bytes', '999 bytes', '999 byte']);
    expect(inEach(({ number }) => number(1_234_567))).toEqual(['1,234,567', '1.234.567', '1.234.567']);
    expect(inEach(({ number }) => number(1_234))).toEqual(['1,234', '1.234', '1.234']);
    expect(inEach(({ share }) => share(1, 11))).toEqual(['9.1 %', '9,1 %', '9,1 %']);
  });

  it('has its own words for yes, and takes the English ones', () => {
    for (const answer of ['s', 'S ', 'sim', 'y', 'yes']) expect(isYes(answer, 'pt'), answer).toBe(true);
    for (const answer of ['s', 'sì', 'SÌ', 'si', 'Yes']) expect(isYes(answer, 'it'), answer).toBe(true);
    for (const answer of ['n', 'não', 'no', 'sure', '']) expect(isYes(answer, 'pt'), answer).toBe(false);
    expect(isYes('s', 'en')).toBe(false);
  });
});
