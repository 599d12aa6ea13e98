/** Spans of time and moments as people read them. */
import type { Language } from '../language.js';
import { type Quantities, quantities } from './quantity.js';

const unitNames: Readonly<Record<Language, readonly (readonly [seconds: number, one: string, many: string])[]>> = {
  en: [
    [86_400, 'day', 'days'],
    [3_600, 'hour', 'hours'],
    [60, 'minute', 'minutes'],
    [1, 'second', 'seconds'],
  ],
  pt: [
    [86_400, 'dia', 'dias'],
    [3_600, 'hora', 'horas'],
    [60, 'minuto', 'minutos'],
    [1, 'segundo', 'segundos'],
  ],
  it: [
    [86_400, 'giorno', 'giorni'],
    [3_600, 'ora', 'ore'],
    [60, 'minuto', 'minuti'],
    [1, 'secondo', 'secondi'],
  ],
};

/** `2 days 3 hours`: the largest units that there are, at most so many. */
export function durationText(seconds: number, language: Language, partsMax = 2): string {
  const parts: string[] = [];
  let rest = Math.round(seconds);
  const { number }: Quantities = quantities[language];
  for (const [size, one, many] of unitNames[language]) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0 && parts.length < partsMax) parts.push(`${number(count)} ${count === 1 ? one : many}`);
  }
  return parts.length === 0 ? `0 ${unitNames[language].at(-1)?.[2]}` : parts.join(' ');
}

const locales: Readonly<Record<Language, string>> = { en: 'en-GB', pt: 'pt-BR', it: 'it-IT' };

/** By the machine's clock, as its people read it: for who sits before it. */
export const momentText = (language: Language, atMs: number): string =>
  new Intl.DateTimeFormat(locales[language], { dateStyle: 'medium', timeStyle: 'short' }).format(atMs);

/** @param day `2026-03-01`, of no clock; what is none is returned as it is. */
export function dayText(language: Language, day: string): string {
  const atMs = /^\d{4}-\d\d-\d\d$/.test(day) ? Date.parse(day) : Number.NaN;
  return Number.isNaN(atMs)
    ? day
    : new Intl.DateTimeFormat(locales[language], { dateStyle: 'medium', timeZone: 'UTC' }).format(atMs);
}
