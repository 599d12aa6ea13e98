/** A non-negative whole number with commas between thousands, the same on every machine whatever its locale. */
export const numberText = (value: number): string => String(value).replace(/\B(?=(?:\d{3})+$)/g, ',');

/** `1 request`, `1,234 bytes`. */
export const countText = (value: number, noun: string): string => `${numberText(value)} ${noun}${value === 1 ? '' : 's'}`;
