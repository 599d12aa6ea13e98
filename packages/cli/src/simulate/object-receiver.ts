/** Collects a range of an object over as many answers as it takes, and tells in the end whether it is the right one. */
import { createHash } from 'node:crypto';
import { UpdaterError } from '@remendo/core';
import type { AnswerHead } from './exchange.js';

export interface ObjectRange {
  readonly digest: string;
  readonly objectBytes: number;
  readonly offset: number;
  readonly bytes: number;
}

/** The simulator stopped reading in the middle of a body. */
export class Cut extends Error {
  override readonly name = 'Cut';
}

export class ObjectReceiver {
  receivedBytes = 0;
  readonly isWhole: boolean;
  readonly #hash = createHash('sha256');

  constructor(readonly range: ObjectRange) {
    this.isWhole = range.offset === 0 && range.bytes === range.objectBytes;
  }

  get missingBytes(): number {
    return this.range.bytes - this.receivedBytes;
  }

  /** Asks for what is missing. */
  headers(): Readonly<Record<string, string>> {
    const { digest, offset, bytes } = this.range;
    const identity = { 'accept-encoding': 'identity' };
    if (this.isWhole && this.receivedBytes === 0) return identity;
    return { ...identity, range: `bytes=${offset + this.receivedBytes}-${offset + bytes - 1}`, 'if-range': `"${digest}"` };
  }

  /** @throws UpdaterError DOWNLOAD_FAILED when the answer is not the range that was asked for. */
  expect({ status, headers }: AnswerHead): void {
    const { offset, bytes, objectBytes } = this.range;
    const window = `bytes ${offset + this.receivedBytes}-${offset + bytes - 1}/${objectBytes}`;
    const isRight = status === 206 ? headers['content-range'] === window : this.isWhole && this.receivedBytes === 0;
    if (isRight && Number(headers['content-length']) === this.missingBytes) return;
    throw new UpdaterError('DOWNLOAD_FAILED', `the server answered ${status} with another range than ${window}`);
  }

  take(chunk: Buffer): void {
    this.receivedBytes += chunk.length;
    this.#hash.update(chunk);
  }

  /** Once, when nothing is missing: whole objects by their SHA-256, parts by their number of bytes. */
  isRight(): boolean {
    if (this.receivedBytes !== this.range.bytes) return false;
    return !this.isWhole || this.#hash.digest('hex') === this.range.digest;
  }
}
