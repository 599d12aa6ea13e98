/** Messages to send, and real servers to send them to. */
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { isUpdaterError } from '@remendo/core';
import { recordOutput } from '../../testing/test-record.js';
import type { OutgoingMessage, Recipient } from './sender.js';

export const never: AbortSignal = new AbortController().signal;

export const messageTo = (recipient: Recipient, more: Partial<OutgoingMessage> = {}): OutgoingMessage => ({
  id: '7d1f2c3a-0b5e-4a52-9c55-6f3d1f0a9b10',
  kind: 'release_published',
  subject: 'Versão 1.0.1 está disponível',
  body: 'erp 1.0.1 is there.\n.\nA dot alone ends nothing.\n',
  createdAt: new Date('2026-03-01T12:00:00Z'),
  attempt: 1,
  recipient,
  data: { application: 'erp', version: '1.0.1', files: 8, mandatory: false, floor: null },
  ...more,
});

/** What sending failed with: the code, its details, and everything a log could print of it. */
export async function failureOf(sending: Promise<void>) {
  const error = await sending.then(
    () => new Error('it was sent'),
    (reason: unknown) => reason,
  );
  if (!isUpdaterError(error)) throw error;
  return error;
}

export interface Received {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface HttpDouble {
  /** `http://127.0.0.1:port`. */
  readonly url: string;
  readonly port: number;
  readonly received: Received[];
  stop(): Promise<void>;
}

/** An HTTP server on this machine that remembers what arrived before it answers. */
export async function startHttpDouble(answer: (request: Received, response: ServerResponse) => void): Promise<HttpDouble> {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      const one = { method, path: url, headers, body: Buffer.concat(chunks).toString() };
      received.push(one);
      recordOutput('received', `${one.body}\n`);
      answer(one, response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    received,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
