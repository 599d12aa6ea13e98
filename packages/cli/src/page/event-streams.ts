/**
 * Server-sent events (HTML Standard, 9.2) to a bounded number of listeners. Who reads too slowly is let go: an
 * `EventSource` comes back by itself, with the id of the last entry that it saw.
 */
import { PassThrough, type Readable } from 'node:stream';

export interface PageEvent {
  readonly name: 'progress' | 'update' | 'log' | 'closing';
  readonly data: object;
  /** What the listener comes back with; only of entries of the log. */
  readonly id?: string;
}

export interface EventStreams {
  /** Null: there are as many as there may be. @param first what the listener gets before anything that is sent later. */
  open(first: () => readonly PageEvent[]): Readable | null;
  send(event: PageEvent): void;
  /** Ends them all; none is opened any more. */
  close(): void;
}

export interface EventStreamsOptions {
  /** Default 16. */
  readonly listenersMax?: number;
  /** Waiting for one listener (default 1 MiB). */
  readonly bytesMax?: number;
  /** Told when there is a first one, and when there is none any more. */
  readonly onListening: (isListening: boolean) => void;
}

export function openEventStreams(options: EventStreamsOptions): EventStreams {
  const { listenersMax = 16, bytesMax = 1024 * 1024, onListening } = options;
  const listeners = new Set<PassThrough>();
  let isClosed = false;
  const leave = (stream: PassThrough): void => {
    if (listeners.delete(stream) && listeners.size === 0) onListening(false);
  };
  const write = (stream: PassThrough, event: PageEvent): void => {
    if (stream.writableLength + stream.readableLength > bytesMax) stream.destroy();
    else stream.write(textOf(event));
  };
  return {
    open(first) {
      if (isClosed || listeners.size >= listenersMax) return null;
      const stream = new PassThrough();
      listeners.add(stream);
      if (listeners.size === 1) onListening(true);
      stream.once('close', () => leave(stream));
      for (const event of first()) write(stream, event);
      return stream;
    },
    send(event) {
      for (const stream of listeners) write(stream, event);
    },
    close() {
      isClosed = true;
      for (const stream of [...listeners]) {
        stream.end(textOf({ name: 'closing', data: {} }));
        leave(stream);
      }
    },
  };
}

/** JSON has no line feeds outside of its strings, and none inside. */
const textOf = ({ name, data, id }: PageEvent): string =>
  `${id === undefined ? '' : `id: ${id}\n`}event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
