/** What the doors have in common: where a fixture comes in, and what is told of it. */
import type { ErrorCode } from '@remendo/core';
import type { HostileInput } from '@remendo/core/testing';

/** What a door says to an input. */
export interface Answer {
  /** `remendo apply`, `upload`, … */
  readonly door: string;
  /** Null: taken, or set aside. */
  readonly code: string | null;
  /** Whether this door sees all of it: one that reads a directory alone may take what is wrong only further inside. */
  readonly mayTake?: boolean;
  /** Another code that this door may give, because it looks at something else first. */
  readonly mayBe?: ErrorCode;
  /** What is not as it was, or is where it should not be; empty when all is well. */
  readonly harm: readonly string[];
}

export interface Door {
  /** True when another process does the work, whose memory is not this one's. */
  readonly isElsewhere: boolean;
  /** Brings an input, one at a time; no answer when it is none of this door's. */
  bring(input: HostileInput): Promise<readonly Answer[]>;
  close(): Promise<void>;
}
