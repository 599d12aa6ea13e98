/**
 * The API described by the routes' own schemas: OpenAPI 3.1 at `/openapi.json`, a page to browse it at `/docs`. What all
 * operations have in common (problems, names, who may ask) is added here, once.
 */
import { readFileSync } from 'node:fs';
import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import { type ErrorCode, errorCatalogue } from '@remendo/core';
import { Problem } from '@remendo/core/protocol';
import { type TSchema, Type } from 'typebox';
import { httpStatus } from '../http-errors.js';
import type { App } from '../routes/app-ports.js';

/** Everything from this server: the page works on machines that reach nothing else. Styles of single elements are set by its script. */
const pagePolicy =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; " +
  "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Of a route that reads its multipart form by itself: what it takes. */
    form?: TSchema;
  }
}

/** Goes before the routes: it hears of each as it is added. */
export async function openApi(app: App): Promise<void> {
  await app.register(swagger, {
    openapi: document(),
    transform: ({ schema, url, route }) => ({ schema: { ...schema, ...(route.config?.form && { body: route.config.form }) }, url }),
    transformObject: (made) => describeAll(('openapiObject' in made ? made.openapiObject : {}) as Parts),
  });
  await app.register(swaggerUi, { routePrefix: '/docs', staticCSP: pagePolicy, uiConfig: { docExpansion: 'none' } });
  const schema = { tags: ['documentation'], summary: 'This description', response: { 200: Type.Unknown() } };
  app.get('/openapi.json', { schema }, async (_request, reply) => {
    // It is long, and the same for everybody until another server is installed.
    reply.header('cache-control', 'public, max-age=300').type('application/json; charset=utf-8');
    return app.swagger();
  });
}

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  readonly version: string;
};

const document = () => ({
  openapi: '3.1.0',
  info: {
    title: 'Remendo',
    version,
    description: 'Checks, plans, downloads and reports of terminals; releases, rollouts, customers and terminals of operators.',
    license: { name: 'MIT', identifier: 'MIT' },
  },
  // Paths are relative to wherever the server is reached.
  servers: [{ url: '/' }],
  security: [{}, { token: [] }, { key: [], secret: [] }],
  components: {
    securitySchemes: {
      token: { type: 'http' as const, scheme: 'bearer', description: "An operator's token" },
      key: { type: 'http' as const, scheme: 'bearer', description: "A customer's key, or an enrolled terminal's id" },
      secret: {
        type: 'apiKey' as const,
        in: 'header' as const,
        name: 'X-API-Secret',
        description: 'The secret of the key or of the terminal',
      },
    },
    schemas: { Problem: { ...Problem, description: problemText() } },
    responses: {
      Problem: problemResponse('A problem'),
      Failure: problemResponse('The server could not answer: a code and the request, nothing else'),
    },
  },
});

const problemResponse = (description: string) => ({
  description,
  content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
});

/** Which codes there are; those that only a terminal or a publisher's machine has are no answers. */
function problemText(): string {
  const codes = Object.entries(httpStatus).filter(([code, status]) => status < 500 || code === 'SERVER_FAILED');
  const rows = codes.map(([code, status]) => `| ${code} | ${status} | ${errorCatalogue[code as ErrorCode].sentence} |`);
  return ['RFC 9457, with a stable `code`.', '', '| code | status | meaning |', '|---|---|---|', ...rows].join('\n');
}

type Operation = { responses: Record<string, unknown>; readonly [key: string]: unknown };
interface Parts {
  readonly paths?: Record<string, Record<string, Operation>>;
}

function describeAll(made: Parts): Parts {
  for (const [path, operations] of Object.entries(made.paths ?? {})) {
    // Whatever can be asked with GET can be asked with HEAD: that goes without saying.
    delete operations.head;
    for (const [method, operation] of Object.entries(operations)) {
      operations[method] = {
        ...operation,
        operationId: operationId(method, path),
        responses: {
          ...operation.responses,
          '4XX': { $ref: '#/components/responses/Problem' },
          '5XX': { $ref: '#/components/responses/Failure' },
        },
      };
    }
  }
  return made;
}

/** `get /api/v1/releases/{version}` → `getReleasesByVersion`. */
function operationId(method: string, path: string): string {
  const words = path
    .replace(/^\/api\/v1\//, '/')
    .replace(/\{(\w+)\}/g, 'by-$1')
    .split(/[^A-Za-z0-9]+/)
    .filter((word) => word !== '');
  return method + words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('');
}
