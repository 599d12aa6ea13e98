/** Texts that make a regular expression work most: as far as a repetition, then that for as long as wished, then no match. */
import type { Piece } from './count-regex-steps.js';

/** One of everything that expressions ask for. */
const alphabet = [
  ...'a0A_-. /\\:"\'{}[]()<>=,;@#%+*?!|&^$~`\r\n\t\u0000\u001b\u007f\u00b2\u00e9\u200b\u2028\u{1f600}\ud800'.split(''),
  '\u{1f600}',
];

interface Repetition {
  /** What leads to it. */
  readonly before: readonly string[];
  readonly piece: Piece;
}

/** The shortest text that a piece takes, as far as that can be told by looking at it. */
function shortest(piece: Piece): readonly string[] {
  if (piece.kind === 'set') return sampleOf(piece) === null ? [] : [sampleOf(piece) as string];
  if (piece.kind === 'sequence') return piece.pieces.flatMap(shortest);
  if (piece.kind === 'choice') return shortest(piece.options[0] as Piece);
  if (piece.kind === 'repeat') return Array.from({ length: piece.min }, () => shortest(piece.piece)).flat();
  return [];
}

const sampleOf = (piece: Piece & { kind: 'set' }): string | null => alphabet.find((character) => piece.has(character)) ?? null;

/** Characters that sets of the piece take, a few of each. */
function charactersOf(piece: Piece): readonly string[] {
  if (piece.kind === 'set') return alphabet.filter((character) => piece.has(character)).slice(0, 3);
  if (piece.kind === 'sequence') return piece.pieces.flatMap(charactersOf);
  if (piece.kind === 'choice') return piece.options.flatMap(charactersOf);
  return piece.kind === 'repeat' || piece.kind === 'look' ? charactersOf(piece.piece) : [];
}

/** Each character by itself, and some in pairs. */
function unitsOf(piece: Piece): readonly (readonly string[])[] {
  const characters = [...new Set(charactersOf(piece))];
  const few = characters.filter((_, index) => index % Math.ceil(characters.length / 4) === 0);
  return [
    ...characters.map((one) => [one]),
    ...few.flatMap((one) => few.filter((other) => other !== one).map((other) => [one, other])),
  ];
}

function repetitionsIn(piece: Piece, before: readonly string[] = []): readonly Repetition[] {
  switch (piece.kind) {
    case 'repeat':
      return [...(piece.max > 1_000 ? [{ before, piece: piece.piece }] : []), ...repetitionsIn(piece.piece, before)];
    case 'look':
      return repetitionsIn(piece.piece, before);
    case 'choice':
      return piece.options.flatMap((option) => repetitionsIn(option, before));
    case 'sequence': {
      let lead = before;
      return piece.pieces.flatMap((one) => {
        const found = repetitionsIn(one, lead);
        lead = [...lead, ...shortest(one)];
        return found;
      });
    }
    default:
      return [];
  }
}

/** Builds a text of about so many characters. */
export type Attack = (length: number) => readonly string[];

export function attacksOn(piece: Piece): readonly Attack[] {
  const attacks: Attack[] = [];
  const add = (before: readonly string[], unit: readonly string[]): void => {
    if (unit.length === 0) return;
    for (const after of [[], ['\u0000'], ['!']])
      attacks.push((length) => [
        ...before,
        ...Array.from({ length: Math.ceil(length / unit.length) }, () => unit).flat(),
        ...after,
      ]);
  };
  for (const { before, piece: repeated } of repetitionsIn(piece)) {
    add(before, shortest(repeated));
    for (const unit of unitsOf(repeated)) add(before, unit);
  }
  // A search begins anywhere: the whole of what is asked for, again and again, and each character of it.
  add([], shortest(piece));
  for (const unit of unitsOf(piece)) add([], unit);
  return attacks;
}
