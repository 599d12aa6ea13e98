/**
 * The library speaks English: in logs, in JSON, on the wire and in the journal. Here it becomes the language of the person:
 * the sentence by its phrase, the system's own failures by their code, and what is neither by the error code that it came with.
 */
import { type ErrorCode, errorCatalogue, isUpdaterError } from '@remendo/core';
import type { Language } from '../../language.js';
import { durationText } from '../duration.js';
import { errorSentence } from '../error-sentences.js';
import { quantities } from '../quantity.js';
import { installPhrases } from './install-phrases.js';
import type { Phrase } from './phrase.js';
import { planPhrases } from './plan-phrases.js';
import { settingPhrases } from './setting-phrases.js';
import { startPhrases } from './start-phrases.js';
import { storagePhrases } from './storage-phrases.js';
import { systemFailure } from './system-failures.js';
import { transferPhrases } from './transfer-phrases.js';
import { usagePhrases } from './usage-phrases.js';

export const phrases: readonly Phrase[] = [
  ...planPhrases,
  ...startPhrases,
  ...installPhrases,
  ...storagePhrases,
  ...transferPhrases,
  ...settingPhrases,
  ...usagePhrases,
];

/** What is longer is nobody's sentence: a server may send anything. */
const charactersMax = 500;

/** @returns the sentence in the person's language; null where nothing is known of it. In English it is what it was. */
export function inWords(text: string, language: Language): string | null {
  if (language === 'en') return text;
  if (text.length > charactersMax) return null;
  return phraseFor(text, language) ?? coded(text, language) ?? listed(text, language) ?? systemFailure(text, language);
}

/** The same, and what is not known by its code where there is one, else as it is. */
export function told(text: string, language: Language, code: string | null = null): string {
  return inWords(text, language) ?? clauseOf(code, language) ?? text;
}

/** What failed, in words, without what it came from. */
export const toldError = (error: unknown, language: Language): string =>
  told(error instanceof Error ? error.message : String(error), language, isUpdaterError(error) ? error.code : null);

/** A sentence of the catalogue inside another one. */
function clauseOf(code: string | null, language: Language): string | null {
  if (code === null || !Object.hasOwn(errorCatalogue, code)) return null;
  const sentence = errorSentence(code as ErrorCode, language).replace(/\.$/, '');
  return `${sentence.charAt(0).toLowerCase()}${sentence.slice(1)}`;
}

/** `STEP_FAILED: Migrate: it was stopped`, as chains of errors are written. */
function coded(text: string, language: Exclude<Language, 'en'>): string | null {
  const [, code, rest] = /^([A-Z]+(?:_[A-Z]+)+): (.*)$/s.exec(text) ?? [];
  if (code === undefined || rest === undefined || !Object.hasOwn(errorCatalogue, code)) return null;
  return told(rest, language, code);
}

/** `Migrate: it was stopped`, `fetch failed: read ECONNRESET`; the name of a step is its publisher's, and `: ` may stand in it. */
function parted(text: string, language: Exclude<Language, 'en'>): string | null {
  for (let at = text.indexOf(': '); at >= 0; at = text.indexOf(': ', at + 1)) {
    const [name, rest] = [text.slice(0, at), text.slice(at + 2)];
    const words = phraseFor(name, language);
    if (words !== null) return `${words}: ${told(rest, language)}`;
    const failure = phraseFor(rest, language) ?? (/^E[A-Z]+: /.test(rest) ? systemFailure(rest, language) : null);
    if (failure !== null) return `${name}: ${failure}`;
  }
  return null;
}

/** Several in one line: where one of them is known, the others stay as they are. */
function listed(text: string, language: Exclude<Language, 'en'>): string | null {
  for (const between of [' < ', '; ']) {
    const parts = text.split(between);
    if (parts.length < 2) continue;
    const words = parts.map((part) => inWords(part, language));
    if (words.some((one) => one !== null))
      return words.map((one, index) => one ?? parts[index]).join(between === '; ' ? '; ' : ': ');
  }
  return parted(text, language);
}

const valueName = /\{(\w+)\}/g;
const isSentence = (name: string): boolean => /^(why|detail|label|holder|names|state|usage)$/.test(name);
const isFigure = (name: string): boolean => /(Bytes|Ms|Hours)$|^(code|count|port|seconds|server|runs|signal|status)$/.test(name);

/** No value but a sentence goes on where another sentence of a chain or of a list begins. */
function valuePattern(name: string): string {
  if (isSentence(name)) return '(.+?)';
  return isFigure(name) ? '(\\S+?(?: bytes?)?)' : '((?:(?! < |; |: |\\n).)+?)';
}

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

interface Reader {
  readonly phrase: Phrase;
  readonly pattern: RegExp;
  readonly names: readonly string[];
}

let made: readonly Reader[] | undefined;

/** Made with the first sentence: who speaks English needs none. Those whose beginning is known are asked first, then those that say more. */
function readers(): readonly Reader[] {
  const certainty = ({ en }: Phrase): number => en.replace(valueName, '').length + (en.startsWith('{') ? 0 : 1_000);
  made ??= phrases
    .toSorted((a, b) => certainty(b) - certainty(a))
    .map((phrase) => ({
      phrase,
      names: [...phrase.en.matchAll(valueName)].map(([, name]) => name ?? ''),
      pattern: new RegExp(
        `^${phrase.en
          .split(valueName)
          .map((part, index) => (index % 2 === 0 ? escaped(part) : valuePattern(part)))
          .join('')}$`,
        's',
      ),
    }));
  return made;
}

function phraseFor(text: string, language: Exclude<Language, 'en'>): string | null {
  for (const { phrase, pattern, names } of readers()) {
    const found = pattern.exec(text);
    if (found === null) continue;
    return phrase[language].replace(valueName, (_, name: string) =>
      valueText(name, found[names.indexOf(name) + 1] ?? '', language),
    );
  }
  return null;
}

function valueText(name: string, value: string, language: Language): string {
  if (isSentence(name)) return told(value, language);
  const number = /^[\d,]+(?: bytes?)?$/.test(value) ? Number(value.replace(/[^\d]/g, '')) : Number.NaN;
  if (Number.isNaN(number)) return value;
  if (name.endsWith('Bytes')) return quantities[language].bytes(number);
  if (name.endsWith('Ms')) return number < 1_000 ? `${number} ms` : durationText(number / 1_000, language);
  return name.endsWith('Hours') ? durationText(number * 3_600, language) : value;
}
