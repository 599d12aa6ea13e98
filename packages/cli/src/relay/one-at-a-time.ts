import type { Socket } from 'node:net';
import { UpdaterError } from '@remendo/core';
import type { FastifyReply, FastifyRequest } from 'fastify';

/**
 * Refuses what comes through a connection before the answer to the request before it is through. Terminals wait; hundreds of
 * requests that came in one packet would each hold a file and a buffer of their own.
 */
export function oneAtATime(): (request: FastifyRequest, reply: FastifyReply) => void {
  const answering = new WeakSet<Socket>();
  return ({ raw: { socket } }, reply) => {
    if (answering.has(socket))
      throw new UpdaterError('REQUEST_INVALID', 'The request is refused: it does not wait for the answer to the one before it');
    answering.add(socket);
    reply.raw.once('close', () => answering.delete(socket));
  };
}
