import { expect, it } from 'vitest';
import { columnOfRange } from './sheet-range.js';

it.each([
  ['Backups', 0, "'Backups'!A:A"],
  ['Backups', 3, "'Backups'!D:D"],
  ['Backups!A1', 25, "'Backups'!Z:Z"],
  ['Backups!A:F', 26, "'Backups'!AA:AA"],
  ["'Branch 1'!C2:H", 1, "'Branch 1'!D:D"],
  ["Ana's", 0, "'Ana''s'!A:A"],
  ['Stop!', 0, "'Stop!'!A:A"],
  ['B2', 2, 'D:D'],
  ['ZZ1', 1, 'AAA:AAA'],
])('in %s the column %i to the right is %s', (range, index, column) => {
  expect(columnOfRange(range, index)).toBe(column);
});

it.each(['', '!A1'])('%j names no place for rows', (range) => {
  expect(() => columnOfRange(range, 0)).toThrow(expect.objectContaining({ code: 'NOTIFICATION_REFUSED' }));
});
