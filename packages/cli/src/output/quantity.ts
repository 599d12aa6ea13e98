/** Numbers as people read them. Sizes are decimal, like the speeds of links: 1 MB is 1,000,000 bytes. */
import type { Language } from '../language.js';

export interface Quantities {
  number(value: number): string;
  /** `1 file`, `1,234 files`. @param plural the singular and an s when left out. */
  count(count: number, singular: string, plural?: string): string;
  /** `999 bytes`, `1.23 kB`, `45.6 MB`: three digits. */
  bytes(bytes: number): string;
  /** `12.3 %` of a whole; of nothing, everything is 100 %. */
  share(part: number, whole: number): string;
}

interface Habits {
  readonly decimalSign: string;
  /** Between thousands. */
  readonly groupSign: string;
  readonly bytesWord: string;
}

const units = ['kB', 'MB', 'GB', 'TB'] as const;

function quantitiesOf({ decimalSign, groupSign, bytesWord }: Habits): Quantities {
  const decimals = (value: number, digits: number): string => value.toFixed(digits).replace('.', decimalSign);
  // Not by Intl.NumberFormat, which takes 10 ms and 7 MiB: more than all else that most commands do with numbers.
  const number = (value: number): string => {
    const [whole = '', fraction] = String(value).split('.');
    const grouped = whole.replace(/\B(?=(?:\d{3})+$)/g, groupSign);
    return fraction === undefined ? grouped : `${grouped}${decimalSign}${fraction}`;
  };
  const count = (value: number, singular: string, plural = `${singular}s`): string =>
    `${number(value)} ${value === 1 ? singular : plural}`;
  return {
    number,
    count,
    bytes(bytes) {
      if (bytes < 1_000) return count(bytes, 'byte', bytesWord);
      let value = bytes;
      let unit = -1;
      while (value >= 999.5 && unit < units.length - 1) {
        value /= 1_000;
        unit += 1;
      }
      const digits = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
      return `${decimals(value, digits)} ${units[unit] ?? bytesWord}`;
    },
    share(part, whole) {
      const share = whole === 0 ? 100 : (part / whole) * 100;
      if (share > 0 && share < 0.05) return `< ${decimals(0.1, 1)} %`;
      return `${decimals(share, share < 10 ? 1 : 0)} %`;
    },
  };
}

/** As each language writes them. */
export const quantities: Readonly<Record<Language, Quantities>> = {
  en: quantitiesOf({ decimalSign: '.', groupSign: ',', bytesWord: 'bytes' }),
  pt: quantitiesOf({ decimalSign: ',', groupSign: '.', bytesWord: 'bytes' }),
  it: quantitiesOf({ decimalSign: ',', groupSign: '.', bytesWord: 'byte' }),
};

/** Of commands that speak English only. */
export const { number: numberText, count: countText, bytes: bytesText, share: shareText } = quantities.en;
