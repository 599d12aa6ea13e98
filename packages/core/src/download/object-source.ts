import type { Digest } from '../hash/digest.js';

export interface ObjectRequest {
  readonly digest: Digest;
  /** Of the whole object. */
  readonly objectBytes: number;
  readonly offset: number;
  /** offset + bytes ≤ objectBytes. */
  readonly bytes: number;
  readonly signal?: AbortSignal | undefined;
  /** Awaited for every chunk by a source that reads from a link; one on this machine's disk leaves it. */
  readonly pace?: ((bytes: number) => Promise<void>) | undefined;
  /** Who is asked after this source: a slow one may hold itself against it. */
  readonly next?: ObjectSource | undefined;
}

/** Which plan the next requests belong to: names of releases, and nothing about who asks. */
export interface PlanNames {
  readonly application: string;
  readonly platform: string;
  /** What the plan starts from; null: from nothing. */
  readonly base: string | null;
  readonly target: string;
  /** Of patches: the ones the plan was asked with. */
  readonly codecs: readonly string[];
}

/**
 * Where objects come from: a server, a folder on a stick, a relay, or several in order. A source need not be trusted:
 * what it gives is verified by its digest (verify-arrived.ts).
 *
 * What an implementation MUST do:
 * - give the bytes [offset, offset + bytes) in order, exactly that many, or throw; never bytes of another place. What it
 *   gave before it threw stays given: the caller goes on from there another time.
 * - throw DOWNLOAD_NOT_FOUND when it does not have the object, DOWNLOAD_REFUSED when it may not give it, DOWNLOAD_FAILED
 *   for everything that may pass, and the signal's reason once that is aborted.
 * - free what it holds (connection, file) when the caller stops reading early.
 */
export interface ObjectSource {
  /** For messages: `server https://updates.example.com`, `folder D:\remendo`. */
  readonly name: string;
  /** Nothing happens before the first chunk is asked for. A chunk is valid until the next one is asked for. */
  open(request: ObjectRequest): AsyncIterable<Uint8Array>;
  /** Whom to ask instead when everything came from here and still was not what the digest says. */
  readonly otherwise?: ObjectSource | undefined;
  /** Told which plan the next requests come from, before the first of them. */
  readonly planned?: ((plan: PlanNames) => void) | undefined;
  /** Told when everything asked of an object came from here, or was said to, and still was not what the digest says. */
  readonly refuted?: ((digest: Digest) => void) | undefined;
}
