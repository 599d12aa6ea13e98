/** Builds the HTTP application; nothing listens yet. */
import multipart from '@fastify/multipart';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import { limits as requestLimits } from '@remendo/core';
import Fastify, { type FastifyBaseLogger, type FastifyServerOptions } from 'fastify';
import type { ServerConfig } from './config.js';
import { refuseConnection, refuseExpectation, routeUnknown, sendProblem } from './http-errors.js';
import { countRequests } from './metrics/metrics-hooks.js';
import { answerHeaders, requestIdOf, setAnswerHeaders } from './plugins/answer-headers.js';
import { authentication } from './plugins/authentication.js';
import { openApi } from './plugins/openapi.js';
import { RateLimits, rateLimits } from './plugins/rate-limits.js';
import { requestText } from './plugins/request-text.js';
import { slowBodies } from './plugins/slow-bodies.js';
import { readTls } from './plugins/tls.js';
import { accountRoutes } from './routes/account-routes.js';
import type { App, AppPorts } from './routes/app-ports.js';
import { auditRoutes } from './routes/audit-routes.js';
import { backupRoutes } from './routes/backup-routes.js';
import { blockRoutes } from './routes/block-routes.js';
import { bundleRoutes } from './routes/bundle-routes.js';
import { customerRoutes } from './routes/customer-routes.js';
import { healthRoutes } from './routes/health-routes.js';
import { historyRoutes } from './routes/history-routes.js';
import { metadataRoutes } from './routes/metadata-routes.js';
import { metricsRoutes } from './routes/metrics-routes.js';
import { notificationRoutes } from './routes/notification-routes.js';
import { objectRoutes } from './routes/object-routes.js';
import { oldTerminalRoutes } from './routes/old-terminal-routes.js';
import { operatorRoutes } from './routes/operator-routes.js';
import { publishRoutes } from './routes/publish-routes.js';
import { releaseRoutes } from './routes/release-routes.js';
import { storageRoutes } from './routes/storage-routes.js';
import { terminalRoutes } from './routes/terminal-routes.js';
import { updateRoutes } from './routes/update-routes.js';

/** A connection on which nothing moves for this long is closed; a thin link always moves. */
const idleMsMax = 120_000;
/** Longer than the 60 s of common load balancers, so that they are the ones to close. */
const keepAliveMs = 75_000;

/** Headers arrive at once, or somebody is holding connections. */
const headersMsMax = 30_000;
/** How often the server looks for requests whose time is over. */
const lookMs = 1_000;

export async function buildApp(ports: AppPorts, log: FastifyBaseLogger): Promise<App> {
  const app = createFastify(ports.config, log);
  app.setErrorHandler((error, request, reply) => sendProblem(error, request, reply));
  app.setNotFoundHandler((request, reply) => sendProblem(routeUnknown(request), request, reply));
  const limits = new RateLimits({ config: ports.config, database: ports.database, log });
  countRequests(app, ports.metrics);
  answerHeaders(app, ports.config);
  rateLimits(app, limits);
  authentication(app, { signIn: ports.signIn, limits });
  slowBodies(app, ports.config.uploadMsMax);
  requestText(app);
  await app.register(multipart);
  await openApi(app);
  healthRoutes(app, ports);
  metadataRoutes(app, ports);
  metricsRoutes(app, ports);
  historyRoutes(app, ports);
  backupRoutes(app, ports);
  updateRoutes(app, ports);
  blockRoutes(app, ports);
  bundleRoutes(app, ports);
  objectRoutes(app, ports);
  releaseRoutes(app, ports);
  publishRoutes(app, ports);
  oldTerminalRoutes(app, ports);
  accountRoutes(app, ports);
  customerRoutes(app, ports);
  operatorRoutes(app, ports);
  terminalRoutes(app, ports);
  auditRoutes(app, ports);
  notificationRoutes(app, ports);
  storageRoutes(app, ports);
  return app;
}

function createFastify(config: ServerConfig, log: FastifyBaseLogger): App {
  const tls = readTls(config);
  const connections = { headersTimeout: Math.min(headersMsMax, config.uploadMsMax), connectionsCheckingInterval: lookMs };
  const options: FastifyServerOptions = {
    loggerInstance: log,
    genReqId: requestIdOf,
    trustProxy: config.trustProxy.length === 0 ? false : [...config.trustProxy],
    bodyLimit: requestLimits.requestBytesMax,
    connectionTimeout: idleMsMax,
    keepAliveTimeout: keepAliveMs,
    requestTimeout: config.uploadMsMax,
    routerOptions: { maxParamLength: 200 },
    return503OnClosing: true,
    // What the framework refuses before there is a route, and what does not parse as HTTP.
    frameworkErrors: (error, request, reply) => void sendProblem(error, request, setAnswerHeaders(config, request, reply)),
    clientErrorHandler: refuseConnection,
    ajv: { customOptions: { coerceTypes: false, removeAdditional: false, allErrors: false } },
  };
  const server = tls === null ? { http: connections } : { https: { ...connections, ...tls } };
  // Routes are the same over both; the framework has a type for each.
  const app = Fastify({ ...options, ...server } as FastifyServerOptions).withTypeProvider<TypeBoxTypeProvider>();
  app.server.on('checkExpectation', refuseExpectation);
  return app;
}
