/** Numbers of either sign as numbers that are small when they are near to 0. */
export const zigzag = (value: number): number => (value < 0 ? -value * 2 - 1 : value * 2);
export const fromZigzag = (value: number): number => (value % 2 === 0 ? value / 2 : -(value + 1) / 2);
