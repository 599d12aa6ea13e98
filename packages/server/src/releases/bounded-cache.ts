/** A map that forgets what was used longest ago, or nearly so. For values that can be made again. */
export class BoundedCache<Value> {
  readonly #values = new Map<string, Value>();

  constructor(private readonly entriesMax: number) {}

  get(key: string): Value | undefined {
    const value = this.#values.get(key);
    // Half empty, it forgets nothing soon, whatever the order.
    if (value !== undefined && this.#values.size * 2 > this.entriesMax) {
      this.#values.delete(key);
      this.#values.set(key, value);
    }
    return value;
  }

  set(key: string, value: Value): void {
    this.#values.delete(key);
    this.#values.set(key, value);
    if (this.#values.size > this.entriesMax) {
      for (const oldest of this.#values.keys()) {
        this.#values.delete(oldest);
        break;
      }
    }
  }

  delete(key: string): void {
    this.#values.delete(key);
  }
}
