/** Counts every request when it is over: by its route's pattern, status and time, and the bytes of stored objects. */
import type { FastifyRequest } from 'fastify';
import type { App } from '../routes/app-ports.js';
import type { Metrics } from './metrics.js';

/** Answers of these are bytes of objects. */
const objectRoutes: ReadonlySet<string> = new Set([
  '/api/v1/objects/:digest',
  '/api/v1/updates/download/:version',
  '/download/:file',
]);

/** Goes before the routes. */
export function countRequests(app: App, metrics: Metrics): void {
  const sentBefore = new WeakMap<FastifyRequest, number>();
  app.addHook('onRequest', (request, _reply, done) => {
    if (objectRoutes.has(request.routeOptions.url ?? '')) sentBefore.set(request, request.raw.socket.bytesWritten);
    done();
  });
  // Also when the terminal went away in the middle of the answer.
  app.addHook('onResponse', (request, reply, done) => {
    const { url: route = 'unknown' } = request.routeOptions;
    metrics.requestAnswered({ method: request.method, route, status: reply.statusCode, seconds: reply.elapsedTime / 1_000 });
    const before = sentBefore.get(request);
    if (before !== undefined) metrics.objectBytesSent(Math.max(0, request.raw.socket.bytesWritten - before));
    done();
  });
}
