/** Builds the HTTP application; nothing listens yet. */
import { randomUUID } from 'node:crypto';
import multipart from '@fastify/multipart';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import { limits } from '@remendo/core';
import Fastify, { type FastifyBaseLogger } from 'fastify';
import type { ServerConfig } from './config.js';
import { refuseConnection, routeUnknown, sendProblem } from './http-errors.js';
import type { App, AppPorts } from './routes/app-ports.js';
import { healthRoutes } from './routes/health-routes.js';
import { objectRoutes } from './routes/object-routes.js';
import { oldTerminalRoutes } from './routes/old-terminal-routes.js';
import { publishRoutes } from './routes/publish-routes.js';
import { releaseRoutes } from './routes/release-routes.js';
import { updateRoutes } from './routes/update-routes.js';

/** A connection on which nothing moves for this long is closed; a thin link always moves. */
const idleMsMax = 120_000;
/** Longer than the 60 s of common load balancers, so that they are the ones to close. */
const keepAliveMs = 75_000;

const securityHeaders = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
};

export async function buildApp(ports: AppPorts, log: FastifyBaseLogger): Promise<App> {
  const app = createFastify(ports.config, log);
  app.setErrorHandler((error, request, reply) => sendProblem(error, request, reply));
  app.setNotFoundHandler((request, reply) => sendProblem(routeUnknown(request), request, reply));
  app.addHook('onRequest', async (_request, reply) => {
    reply.headers(securityHeaders);
  });
  await app.register(multipart);
  healthRoutes(app, ports);
  updateRoutes(app, ports);
  objectRoutes(app, ports);
  releaseRoutes(app, ports);
  publishRoutes(app, ports);
  oldTerminalRoutes(app, ports);
  return app;
}

function createFastify(config: ServerConfig, log: FastifyBaseLogger): App {
  return Fastify({
    loggerInstance: log,
    genReqId: () => randomUUID(),
    trustProxy: false,
    bodyLimit: limits.requestBytesMax,
    connectionTimeout: idleMsMax,
    keepAliveTimeout: keepAliveMs,
    requestTimeout: config.uploadMsMax,
    routerOptions: { maxParamLength: 200 },
    return503OnClosing: true,
    exposeHeadRoutes: false,
    // What the framework refuses before there is a route, and what does not parse as HTTP.
    frameworkErrors: (error, request, reply) => void sendProblem(error, request, reply.headers(securityHeaders)),
    clientErrorHandler: refuseConnection,
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false, allErrors: false } },
  }).withTypeProvider<TypeBoxTypeProvider>();
}
