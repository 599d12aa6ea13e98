import type fc from 'fast-check';

/** A reader of bytes from outside, and what is needed to feed it. */
export interface FuzzTarget {
  readonly name: string;
  /**
   * Takes any bytes. Returns when they are accepted, throws an UpdaterError when they are refused; anything else it
   * throws is a finding, its own checks of what came out among them.
   */
  run(bytes: Uint8Array): Promise<void>;
  /** Well-formed inputs to start from: they are changed byte by byte. */
  readonly seeds: () => Promise<readonly Uint8Array[]>;
  /**
   * Inputs made field by field: wrong in one place or a few, with lengths, checksums and digests that fit, so that they
   * get past the checks that stop nearly every changed byte. About a third of what is fed, when there are any.
   */
  readonly made?: () => fc.Arbitrary<Uint8Array> | Promise<fc.Arbitrary<Uint8Array>>;
}
