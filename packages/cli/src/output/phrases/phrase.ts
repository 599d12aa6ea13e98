/**
 * One sentence of the library in three languages. The English is the library's own, as logs, JSON and the wire carry it, and is
 * what the others are found by; a test holds it to the sources. `{name}` is a value, and its name says how it is shown:
 * `…Bytes` as a size, `…Ms` and `…Hours` as a time; `{why}`, `{detail}` and `{label}` are sentences themselves.
 */
export interface Phrase {
  readonly en: string;
  readonly pt: string;
  readonly it: string;
}
