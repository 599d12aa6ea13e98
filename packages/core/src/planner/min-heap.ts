/**
 * Items by ascending key; equal keys come out by ascending item, so that the order never depends on how things went in.
 * Items are small non-negative integers. Push and pop take logarithmic time.
 */
export class MinHeap {
  readonly #keys: number[] = [];
  readonly #items: number[] = [];

  get length(): number {
    return this.#items.length;
  }

  /** Of the item that pop would give; Infinity when empty. */
  get nextKey(): number {
    return this.#keys[0] ?? Number.POSITIVE_INFINITY;
  }

  push(key: number, item: number): void {
    let hole = this.#items.length;
    while (hole > 0) {
      const parent = (hole - 1) >> 1;
      if (!this.#before(key, item, parent)) break;
      this.#move(parent, hole);
      hole = parent;
    }
    this.#keys[hole] = key;
    this.#items[hole] = item;
  }

  pop(): number | undefined {
    const top = this.#items[0];
    const key = this.#keys.pop();
    const item = this.#items.pop();
    if (key === undefined || item === undefined || this.#items.length === 0) return top;
    let hole = 0;
    for (;;) {
      const child = this.#lesserChild(hole);
      if (child >= this.#items.length || this.#before(key, item, child)) break;
      this.#move(child, hole);
      hole = child;
    }
    this.#keys[hole] = key;
    this.#items[hole] = item;
    return top;
  }

  #lesserChild(parent: number): number {
    const left = 2 * parent + 1;
    const right = left + 1;
    if (right >= this.#items.length) return left;
    return this.#before(this.#keys[right] ?? 0, this.#items[right] ?? 0, left) ? right : left;
  }

  #before(key: number, item: number, place: number): boolean {
    const other = this.#keys[place] ?? 0;
    return key < other || (key === other && item < (this.#items[place] ?? 0));
  }

  #move(from: number, to: number): void {
    this.#keys[to] = this.#keys[from] ?? 0;
    this.#items[to] = this.#items[from] ?? 0;
  }
}
