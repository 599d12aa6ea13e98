/** Looks for secrets in what was printed: as they are, as a part of an address, and in Base64. */

export interface Leak {
  /** Of the file in which it stands, from 1. */
  readonly line: number;
  /** What stands before it in its line: enough to find it, and no secret. */
  readonly excerpt: string;
}

const excerptBytes = 120;

/** Many secrets at once in time that depends on the text alone: by their first four bytes. */
export class LeakFinder {
  readonly #byStart = new Map<number, Buffer[]>();

  constructor(secrets: Iterable<string>) {
    const forms = new Set([...secrets].flatMap(formsOf));
    for (const form of forms) {
      const bytes = Buffer.from(form);
      const start = bytes.readUInt32BE(0);
      this.#byStart.set(start, [...(this.#byStart.get(start) ?? []), bytes]);
    }
  }

  /** @returns the first of each line. */
  find(text: Buffer): readonly Leak[] {
    const leaks: Leak[] = [];
    let line = 1;
    let start = 0;
    for (let end = 0; end < text.length; end++) {
      const byte = text[end] ?? 0;
      if (byte === 10) line++;
      start = ((start << 8) | byte) >>> 0;
      const offset = end - 3;
      const found = this.#byStart.get(start)?.find((secret) => secret.equals(text.subarray(offset, offset + secret.length)));
      if (found === undefined) continue;
      leaks.push({ line, excerpt: excerptOf(text, offset) });
      const next = text.indexOf('\n', offset);
      end = next === -1 ? text.length : next - 1;
    }
    return leaks;
  }
}

/** A header of Basic authentication holds the secret behind a name, so at any of three offsets. */
function formsOf(secret: string): readonly string[] {
  const inBase64 = [0, 1, 2].map((before) => {
    const text = Buffer.from(`${' '.repeat(before)}${secret}`).toString('base64');
    // The first and the last characters hold bits of their neighbours too.
    return text.slice(before === 0 ? 0 : before + 1).replace(/.?=*$/, '');
  });
  return [secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1), ...inBase64];
}

function excerptOf(text: Buffer, offset: number): string {
  const before = text.subarray(Math.max(0, offset - excerptBytes), offset).toString();
  return `${before.slice(before.lastIndexOf('\n') + 1)}…`;
}
