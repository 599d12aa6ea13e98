/**
 * What somebody who means harm could send, plant or publish. A fixture is a recipe: bytes are made when they are wanted, so
 * that a bomb of a gibibyte is some lines here. Its code is what every door it comes to has to refuse it with; what stands
 * around that door must be as before, and memory too.
 */
import type { ErrorCode } from '../../errors.js';
import type { DeriveJob } from '../../workers/derive-contents.js';

export type HostileInput =
  /** A release's zip. What is seen only in its contents passes those who read its directory alone. */
  | { readonly kind: 'zip'; readonly bytes: Uint8Array; readonly seenIn: 'directory' | 'contents' }
  /** A blob that is to make `target` from `base`. */
  | {
      readonly kind: 'blob';
      readonly how: DeriveJob['how'];
      readonly base: Uint8Array;
      readonly target: Uint8Array;
      readonly blob: Uint8Array;
    }
  /** A delta's index as it is stored, on the base of `hostileBase`. */
  | { readonly kind: 'index'; readonly encoded: Uint8Array }
  | { readonly kind: 'delta'; readonly bytes: Uint8Array }
  | { readonly kind: 'manifest'; readonly bytes: Uint8Array }
  | { readonly kind: 'journal'; readonly bytes: Uint8Array }
  /** One of the updater's own files in an install root: what is wrong with it is set aside, and the install goes on. */
  | { readonly kind: 'own-file'; readonly path: string; readonly bytes: Uint8Array }
  /** What a server answers to a terminal, made from what an honest one would. */
  | { readonly kind: 'answer'; readonly to: 'check' | 'plan'; readonly answer: (honest: Record<string, unknown>) => HostileAnswer }
  /** A link that stands in an install root where the updater writes, to a folder or file of somebody else's. */
  | { readonly kind: 'link'; readonly path: string; readonly leadsTo: 'folder' | 'file' }
  /** A downloaded file that is another one from its second opening for reading on, or its third. */
  | { readonly kind: 'swap'; readonly plan: 'delta' | 'zip'; readonly opening: number };

export interface HostileAnswer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

export interface HostileFixture {
  /** Unique, in kebab-case: `zip-parent-folder`. */
  readonly name: string;
  /** The attack in a few words, with its number where it has one. */
  readonly attack: string;
  /** Null: it is set aside, not refused. */
  readonly code: ErrorCode | null;
  /** True for what would grow without end in memory or time: its memory is watched. */
  readonly isBomb: boolean;
  readonly input: () => HostileInput | Promise<HostileInput>;
}

type Make = HostileFixture['input'];

/** Short forms for the recipes. */
export const hostile = (name: string, attack: string, code: HostileFixture['code'], input: Make): HostileFixture => ({
  name,
  attack,
  code,
  isBomb: false,
  input,
});

export const bomb = (name: string, attack: string, code: HostileFixture['code'], input: Make): HostileFixture => ({
  ...hostile(name, attack, code, input),
  isBomb: true,
});
