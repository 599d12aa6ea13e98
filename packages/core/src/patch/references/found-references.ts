/** References that were found in a part of a program, as columns; used again for the next part. */

export class FoundReferences {
  count = 0;
  /** Where the word is in the part. */
  at = new Uint32Array(1024);
  form = new Uint8Array(1024);
  /** Where it leads, from the image's base. */
  leadsTo = new Uint32Array(1024);
  bias = new Uint8Array(1024);

  clear(): void {
    this.count = 0;
  }

  add(at: number, form: number, leadsTo: number, bias: number): void {
    if (this.count === this.at.length) this.#grow();
    const index = this.count++;
    this.at[index] = at;
    this.form[index] = form;
    this.leadsTo[index] = leadsTo;
    this.bias[index] = bias;
  }

  #grow(): void {
    const grown = <T extends Uint32Array | Uint8Array>(from: T, to: T): T => {
      to.set(from);
      return to;
    };
    const length = this.at.length * 2;
    this.at = grown(this.at, new Uint32Array(length));
    this.form = grown(this.form, new Uint8Array(length));
    this.leadsTo = grown(this.leadsTo, new Uint32Array(length));
    this.bias = grown(this.bias, new Uint8Array(length));
  }
}
