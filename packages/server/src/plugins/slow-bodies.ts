/**
 * A JSON body has to be there within a minute, however slowly it drips; forms with a release have the time of
 * `--upload-ms-max`. Headers and whole requests have their times in the HTTP server itself.
 *
 * What still comes of a body when its request was answered, because it is too long, is read and dropped, for as long: a
 * connection that is closed before everything was read from it is reset, and the answer may be lost with it.
 */
import { PassThrough } from 'node:stream';
import type { FastifyError, FastifyRequest, RequestPayload } from 'fastify';
import type { App } from '../routes/app-ports.js';

const bodyMsMax = 60_000;

/** @param msMax never longer than this either. */
export function slowBodies(app: App, msMax: number): void {
  app.addHook('preParsing', (request, reply, payload, done) => {
    if (!hasBody(request) || /^multipart\//i.test(request.headers['content-type'] ?? '')) return done(null, payload);
    const body = new PassThrough();
    const ms = Math.min(bodyMsMax, msMax);
    const timer = setTimeout(() => body.destroy(tooSlow()), ms);
    body.once('close', () => clearTimeout(timer));
    // Nobody reads a body that was refused by its headers; then nobody hears of this either.
    body.on('error', () => {});
    reply.raw.once('close', () => {
      payload.unpipe(body);
      body.destroy();
      if (!request.raw.complete && !request.raw.destroyed) dropRest(payload, ms);
    });
    payload.once('error', (error) => body.destroy(error));
    done(null, payload.pipe(body));
  });
}

const hasBody = ({ headers }: FastifyRequest): boolean =>
  headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0';

function dropRest(payload: RequestPayload, ms: number): void {
  const timer = setTimeout(() => payload.destroy(), ms).unref();
  for (const end of ['end', 'close']) payload.once(end, () => clearTimeout(timer));
  payload.resume();
}

const tooSlow = (): FastifyError =>
  Object.assign(new Error('the body did not arrive in time'), { name: 'FastifyError', code: 'FST_BODY_TOO_SLOW', statusCode: 408 });
