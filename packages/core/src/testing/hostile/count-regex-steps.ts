/**
 * A regular expression's work, counted: a plain backtracking matcher that does what engines do without their shortcuts. It is
 * for tests only, which compare the steps for a text with those for one that is twice as long.
 */

export type Piece =
  | { readonly kind: 'set'; readonly has: (character: string) => boolean }
  | { readonly kind: 'start' | 'end' | 'word-edge' | 'no-word-edge' }
  | { readonly kind: 'sequence'; readonly pieces: readonly Piece[] }
  | { readonly kind: 'choice'; readonly options: readonly Piece[] }
  | { readonly kind: 'repeat'; readonly piece: Piece; readonly min: number; readonly max: number; readonly isLazy: boolean }
  | { readonly kind: 'look'; readonly piece: Piece; readonly isBehind: boolean; readonly isNegative: boolean };

/** @throws Error for what is not understood: back references, above all. */
export function parseRegex({ source, flags }: RegExp): Piece {
  return new Parser(source, flags).parse();
}

class Parser {
  #at = 0;

  constructor(
    private readonly source: string,
    private readonly flags: string,
  ) {}

  parse(): Piece {
    const piece = this.#choice();
    if (this.#at < this.source.length) throw new Error(`${this.source}: not understood at ${this.#at}`);
    return piece;
  }

  #takes(text: string): boolean {
    if (!this.source.startsWith(text, this.#at)) return false;
    this.#at += text.length;
    return true;
  }

  /** What a sticky expression finds here. */
  #match(pattern: RegExp): string | null {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.source)?.[0] ?? null;
    this.#at += found?.length ?? 0;
    return found;
  }

  #choice(): Piece {
    const options = [this.#sequence()];
    while (this.#takes('|')) options.push(this.#sequence());
    return options.length === 1 ? (options[0] as Piece) : { kind: 'choice', options };
  }

  #sequence(): Piece {
    const pieces: Piece[] = [];
    while (this.#at < this.source.length && !/[|)]/.test(this.source[this.#at] as string))
      pieces.push(this.#repeated(this.#atom()));
    return { kind: 'sequence', pieces };
  }

  #repeated(piece: Piece): Piece {
    const quantifier = this.#match(/[*+?]|\{\d+(?:,\d*)?\}/y);
    if (quantifier === null) return piece;
    const isLazy = this.#takes('?');
    const [min = 0, max = Number.POSITIVE_INFINITY] = boundsOf(quantifier);
    return { kind: 'repeat', piece, min, max, isLazy };
  }

  #atom(): Piece {
    if (this.#takes('^')) return { kind: 'start' };
    if (this.#takes('$')) return { kind: 'end' };
    if (this.#takes('\\b')) return { kind: 'word-edge' };
    if (this.#takes('\\B')) return { kind: 'no-word-edge' };
    if (this.#takes('(')) return this.#group();
    const text = this.#match(/\\(?:[pPu]\{[^}]*\}|u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|[^1-9])|\[(?:\\.|[^\]\\])*\]|[^\\]/suy);
    if (text === null) throw new Error(`${this.source}: not understood at ${this.#at}`);
    return setOf(text, this.flags);
  }

  #group(): Piece {
    const head = this.#match(/\?(?:<?[=!]|:|<[^>]*>)/y) ?? '';
    const piece = this.#choice();
    if (!this.#takes(')')) throw new Error(`${this.source}: a group without end`);
    if (!/[=!]$/.test(head)) return piece;
    return { kind: 'look', piece, isBehind: head.includes('<'), isNegative: head.endsWith('!') };
  }
}

function boundsOf(quantifier: string): readonly (number | undefined)[] {
  const named = { '*': [0], '+': [1], '?': [0, 1] }[quantifier];
  if (named !== undefined) return named;
  const [min, max] = quantifier.slice(1, -1).split(',');
  return [Number(min), max === undefined ? Number(min) : max === '' ? undefined : Number(max)];
}

/** What one character may be is asked of the engine itself. */
function setOf(text: string, flags: string): Piece {
  const native = new RegExp(`^${text}$`, flags.replace(/[gmy]/g, ''));
  const known = new Map<string, boolean>();
  return {
    kind: 'set',
    has(character) {
      const is = known.get(character) ?? native.test(character);
      known.set(character, is);
      return is;
    },
  };
}

export class TooManySteps extends Error {}

/** Steps of a search through the whole text. @throws TooManySteps above `stepsMax`. */
export function countSteps(piece: Piece, text: readonly string[], stepsMax: number): number {
  const matcher = new Matcher(text, stepsMax);
  for (let start = 0; start <= text.length; start++) if (matcher.run(piece, start, () => true)) break;
  return matcher.steps;
}

type Next = (at: number) => boolean;
const isWord = (character: string | undefined): boolean => character !== undefined && /\w/.test(character);

class Matcher {
  steps = 0;

  constructor(
    private readonly text: readonly string[],
    private readonly stepsMax: number,
  ) {}

  run(piece: Piece, at: number, next: Next): boolean {
    if (++this.steps > this.stepsMax) throw new TooManySteps();
    switch (piece.kind) {
      case 'set':
        return at < this.text.length && piece.has(this.text[at] as string) && next(at + 1);
      case 'start':
        return at === 0 && next(at);
      case 'end':
        return at === this.text.length && next(at);
      case 'word-edge':
      case 'no-word-edge':
        return (isWord(this.text[at - 1]) !== isWord(this.text[at])) === (piece.kind === 'word-edge') && next(at);
      case 'sequence':
        return this.#sequence(piece.pieces, 0, at, next);
      case 'choice':
        return piece.options.some((option) => this.run(option, at, next));
      case 'look':
        return this.#look(piece, at) !== piece.isNegative && next(at);
      case 'repeat':
        return piece.piece.kind === 'set' ? this.#run(piece, at, next) : this.#repeat(piece, { at, done: 0, next });
    }
  }

  #sequence(pieces: readonly Piece[], index: number, at: number, next: Next): boolean {
    const piece = pieces[index];
    return piece === undefined ? next(at) : this.run(piece, at, (end) => this.#sequence(pieces, index + 1, end, next));
  }

  #look({ piece, isBehind }: Piece & { kind: 'look' }, at: number): boolean {
    if (!isBehind) return this.run(piece, at, () => true);
    for (let start = at; start >= 0; start--) if (this.run(piece, start, (end) => end === at)) return true;
    return false;
  }

  /** A run of single characters, without recursion. */
  #run({ piece, min, max, isLazy }: Piece & { kind: 'repeat' }, at: number, next: Next): boolean {
    let most = 0;
    while (most < max && this.run(piece, at + most, () => true)) most++;
    for (let done = 0; done <= most - min; done++) {
      this.steps++;
      if (next(at + (isLazy ? min + done : most - done))) return true;
    }
    return false;
  }

  #repeat(piece: Piece & { kind: 'repeat' }, { at, done, next }: { at: number; done: number; next: Next }): boolean {
    const again = (): boolean =>
      done < piece.max &&
      this.run(piece.piece, at, (end) => (end > at || done < piece.min) && this.#repeat(piece, { at: end, done: done + 1, next }));
    const leave = (): boolean => done >= piece.min && next(at);
    return piece.isLazy ? leave() || again() : again() || leave();
  }
}
