/** What Prometheus reads. */
import { Type } from 'typebox';
import { requireOperator } from '../accounts/principal.js';
import { routeUnknown } from '../http-errors.js';
import type { App, AppPorts } from './app-ports.js';

export function metricsRoutes(app: App, { config, metrics }: AppPorts): void {
  const schema = {
    tags: ['health'],
    summary: 'Metrics in the text format of Prometheus',
    response: { 200: { description: 'Version 0.0.4 of the format', content: { 'text/plain': { schema: Type.String() } } } },
  };
  app.get('/metrics', { schema, logLevel: 'warn' }, async (request, reply) => {
    if (config.metricsAccess === 'off') throw routeUnknown(request);
    if (config.metricsAccess === 'operators') requireOperator(request, 'viewer');
    const text = await metrics.text();
    // Text already: the schema describes it.
    return reply.type(metrics.contentType).header('cache-control', 'no-store').serializer(String).send(text);
  });
}
