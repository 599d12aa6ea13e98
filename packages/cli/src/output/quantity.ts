/** Numbers as people read them. Sizes are decimal, like the speeds of links: 1 MB is 1,000,000 bytes. */
const grouped = new Intl.NumberFormat('en-US');
const units = ['kB', 'MB', 'GB', 'TB'] as const;

export const numberText = (value: number): string => grouped.format(value);

/** `1 file`, `1,234 files`. */
export const countText = (count: number, singular: string, plural = `${singular}s`): string =>
  `${numberText(count)} ${count === 1 ? singular : plural}`;

/** `999 bytes`, `1.23 kB`, `45.6 MB`: three digits. */
export function bytesText(bytes: number): string {
  if (bytes < 1_000) return countText(bytes, 'byte');
  let value = bytes;
  let unit = -1;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1_000;
    unit += 1;
  }
  const digits = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
  return `${value.toFixed(digits)} ${units[unit] ?? 'bytes'}`;
}

/** `12.3 %` of a whole; of nothing, everything is 100 %. */
export function shareText(part: number, whole: number): string {
  const share = whole === 0 ? 100 : (part / whole) * 100;
  if (share > 0 && share < 0.05) return '< 0.1 %';
  return `${share < 10 ? share.toFixed(1) : share.toFixed(0)} %`;
}
