/**
 * Lists of small integers, one per row, in two typed arrays: a graph with half a million derivations makes no garbage
 * of a million little arrays. Walk a row with
 * `for (let at = rows.start(row); at < rows.end(row); at += 1) rows.item(at)`.
 */
export class Rows {
  readonly count: number;
  readonly #starts: Int32Array;
  readonly #items: Int32Array;

  private constructor(starts: Int32Array, items: Int32Array) {
    this.count = starts.length - 1;
    this.#starts = starts;
    this.#items = items;
  }

  /** `fill` adds the items of one row; it is called for each row in order. */
  static build(count: number, fill: (row: number, add: (item: number) => void) => void): Rows {
    const starts = new Int32Array(count + 1);
    const items: number[] = [];
    const add = (item: number): void => {
      items.push(item);
    };
    for (let row = 0; row < count; row += 1) {
      fill(row, add);
      starts[row + 1] = items.length;
    }
    return new Rows(starts, Int32Array.from(items));
  }

  /** For each item below `count` the rows that have it, ascending. */
  transposed(count: number): Rows {
    const starts = new Int32Array(count + 1);
    for (const item of this.#items) starts[item + 1] = (starts[item + 1] ?? 0) + 1;
    for (let item = 0; item < count; item += 1) starts[item + 1] = (starts[item + 1] ?? 0) + (starts[item] ?? 0);
    const next = starts.slice();
    const rows = new Int32Array(this.#items.length);
    for (let row = 0; row < this.count; row += 1) {
      for (let at = this.start(row); at < this.end(row); at += 1) {
        const place = next[this.item(at)] ?? 0;
        rows[place] = row;
        next[this.item(at)] = place + 1;
      }
    }
    return new Rows(starts, rows);
  }

  start(row: number): number {
    return this.#starts[row] ?? 0;
  }

  end(row: number): number {
    return this.#starts[row + 1] ?? 0;
  }

  length(row: number): number {
    return this.end(row) - this.start(row);
  }

  item(at: number): number {
    return this.#items[at] ?? 0;
  }

  /** Rows are short, but for groups, which are few. */
  has(row: number, item: number): boolean {
    return this.#items.subarray(this.start(row), this.end(row)).includes(item);
  }

  /** A copy of one row. */
  of(row: number): readonly number[] {
    return [...this.#items.subarray(this.start(row), this.end(row))];
  }
}
