/** What every answer has, errors and addresses that do not exist too: headers for browsers, and the id of the request. */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ServerConfig } from '../config.js';
import type { App } from '../routes/app-ports.js';

/** For browsers: nothing here is a page, but the documentation, which has a policy of its own. */
const securityHeaders = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
};

/** Over TLS; for a year, for this name alone: others below it may have no certificate. */
const secureHeaders = { ...securityHeaders, 'strict-transport-security': 'max-age=31536000' };

type TlsConfig = Pick<ServerConfig, 'tlsCertificate'>;

export function answerHeaders(app: App, config: TlsConfig): void {
  app.addHook('onRequest', (request, reply, done) => {
    setAnswerHeaders(config, request, reply);
    done();
  });
}

/** For answers that no hook comes by: what is refused before there is a route. */
export function setAnswerHeaders({ tlsCertificate }: TlsConfig, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  return reply.headers(tlsCertificate === null ? securityHeaders : secureHeaders).header('x-request-id', request.id);
}

const givenId = /^[A-Za-z0-9._-]{8,64}$/;

/** The one the caller or a proxy gave, when it is harmless in a log and in a header; else a new one. */
export function requestIdOf({ headers }: Pick<IncomingMessage, 'headers'>): string {
  const given = headers['x-request-id'];
  return typeof given === 'string' && givenId.test(given) ? given : randomUUID();
}
