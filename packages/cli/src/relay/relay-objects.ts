/** Puts an answer together from what is on disk, what is on its way already, and what nobody asked for yet. */
import { type Digest, UpdaterError } from '@remendo/core';
import { endOf } from './cache-entry.js';
import { SharedTransfer, type TransferPorts } from './shared-transfer.js';

export interface AskedRange {
  readonly digest: Digest;
  readonly objectBytes: number;
  readonly offset: number;
  readonly bytes: number;
}

export interface RelayObjects {
  /**
   * The bytes of the range in order. Anything in it that is not here is fetched once, whoever else asks.
   * @param onFetch called when something has to be fetched for this asker.
   * @throws UpdaterError of the server, the disk or the limits; what was given before stays right.
   */
  read(asked: AskedRange, signal: AbortSignal, onFetch?: () => void): AsyncGenerator<Uint8Array>;
  /** Ends what is on its way; what arrived is kept. */
  close(): Promise<void>;
}

export interface RelayObjectsOptions extends TransferPorts {
  readonly onFailure: (digest: Digest, error: unknown) => void;
}

/** Of everything that is fetched from the server. More would only make each slower. */
const transfersMax = 64;

export function openRelayObjects(options: RelayObjectsOptions): RelayObjects {
  const { cache } = options;
  const running = new Map<SharedTransfer, Promise<void>>();
  const findRunning = (digest: Digest, at: number): SharedTransfer | undefined =>
    [...running.keys()].find((one) => one.digest === digest && !one.isOver && one.offset <= at && at < endOf(one));
  const start = ({ digest, objectBytes, offset, bytes }: AskedRange, at: number): SharedTransfer => {
    if (running.size >= transfersMax)
      throw new UpdaterError('LIMIT_RATE', 'too much is on its way already', { details: { transfersMax } });
    const later = [...running.keys()].filter((one) => one.digest === digest && one.offset > at).map((one) => one.offset);
    const held = cache.nextAfter(digest, at);
    const end = Math.min(offset + bytes, held ?? Number.POSITIVE_INFINITY, ...later);
    const transfer = new SharedTransfer(options, { digest, objectBytes }, { offset: at, bytes: end - at });
    const ended = transfer.run().then((error) => {
      running.delete(transfer);
      if (error !== null && !transfer.isStopping) options.onFailure(digest, error);
    });
    running.set(transfer, ended);
    return transfer;
  };
  return {
    async close() {
      for (const transfer of running.keys()) transfer.stop();
      await Promise.all(running.values());
    },
    async *read(asked, signal, onFetch) {
      const end = endOf(asked);
      // Nothing is waited for from the look at what is there to the start of a transfer: two askers never start the same.
      const piece = (at: number): AsyncIterable<Uint8Array> => {
        const held = cache.find(asked.digest, at);
        if (held !== null) return cache.read(held, at, Math.min(end, endOf(held)), signal);
        const known = findRunning(asked.digest, at);
        if (known === undefined) onFetch?.();
        const transfer = known ?? start(asked, at);
        return transfer.read(at, Math.min(end, endOf(transfer)), signal);
      };
      for (let at = asked.offset; at < end; ) {
        signal.throwIfAborted();
        for await (const chunk of piece(at)) {
          at += chunk.length;
          yield chunk;
        }
      }
    },
  };
}
