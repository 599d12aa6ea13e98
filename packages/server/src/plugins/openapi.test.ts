/** The description of the API is whole: a route that is added without a word about itself fails here. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestServer, type TestServer } from '../testing/test-server.js';

interface Operation {
  readonly operationId?: string;
  readonly summary?: string;
  readonly tags?: readonly string[];
  readonly parameters?: readonly {
    readonly in: string;
    readonly name: string;
    readonly required?: boolean;
    readonly schema?: object;
  }[];
  readonly requestBody?: { readonly content: Record<string, { readonly schema?: object }> };
  readonly responses: Record<
    string,
    { readonly description?: string; readonly content?: Record<string, unknown>; readonly $ref?: string }
  >;
}

interface Description {
  readonly openapi: string;
  readonly info: { readonly title: string; readonly version: string };
  readonly paths: Record<string, Record<string, Operation>>;
  readonly components: { readonly securitySchemes: object };
}

let server: TestServer;
let api: Description;
let operations: readonly { readonly name: string; readonly path: string; readonly method: string; readonly operation: Operation }[];

beforeAll(async () => {
  server = await startTestServer();
  api = (await (await server.get('/openapi.json')).json()) as Description;
  operations = Object.entries(api.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ name: `${method} ${path}`, path, method, operation })),
  );
});

afterAll(() => server?.stop());

/** Names of the operations of which it is not true. */
const without = (isRight: (of: (typeof operations)[number]) => boolean) =>
  operations.filter((of) => !isRight(of)).map(({ name }) => name);

describe('/openapi.json', () => {
  it('is OpenAPI 3.1 and holds the routes', () => {
    expect(api.openapi).toBe('3.1.0');
    expect(api.info).toMatchObject({ title: 'Remendo', version: expect.stringMatching(/^\d+\.\d+\.\d+/) });
    expect(Object.keys(api.components.securitySchemes)).toEqual(['token', 'key', 'secret']);
    for (const path of ['/api/v1/updates/check', '/api/v1/objects/{digest}', '/healthz', '/check_update']) {
      expect(Object.keys(api.paths)).toContain(path);
    }
  });

  it('says of each operation what it is for, and under which subject', () => {
    expect(without(({ operation }) => (operation.summary ?? '').length >= 8)).toEqual([]);
    expect(without(({ operation }) => operation.tags?.length === 1)).toEqual([]);
  });

  it('names each operation once', () => {
    const ids = operations.map(({ operation }) => operation.operationId);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.every((id) => /^[a-z][A-Za-z0-9]+$/.test(id ?? ''))).toBe(true);
  });

  it('describes what each takes: parameters in the path, and bodies', () => {
    expect(
      without(({ path, operation }) => {
        const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
        const declared = (operation.parameters ?? []).filter((parameter) => parameter.in === 'path' && parameter.required);
        return JSON.stringify(declared.map(({ name }) => name).sort()) === JSON.stringify(named.sort());
      }),
    ).toEqual([]);
    expect(without(({ operation }) => (operation.parameters ?? []).every(({ schema }) => schema !== undefined))).toEqual([]);
    expect(without(({ method, operation }) => method !== 'get' || operation.requestBody === undefined)).toEqual([]);
  });

  it('describes what each answers, problems with it', () => {
    expect(
      without(({ operation }) =>
        Object.values(operation.responses).every(({ description, $ref }) => (description ?? $ref) !== undefined),
      ),
    ).toEqual([]);
    expect(without(({ operation }) => ['4XX', '5XX'].every((status) => status in operation.responses))).toEqual([]);
    const isDescribed = (status: string, response: Operation['responses'][string]) =>
      !/^[23]/.test(status) || /^(204|302|304)$/.test(status) || response.content !== undefined;
    expect(
      without(({ operation }) => Object.entries(operation.responses).every(([status, response]) => isDescribed(status, response))),
    ).toEqual([]);
    expect(JSON.stringify(api)).toContain('| LIMIT_RATE | 429 |');
  });

  it('refers to nothing that is not there, and bounds every text and list that it takes', () => {
    for (const [, pointer] of JSON.stringify(api).matchAll(/"\$ref":"#\/([^"]+)"/g)) {
      const found = (pointer ?? '')
        .split('/')
        .reduce<unknown>((at, name) => (at as Record<string, unknown> | undefined)?.[name], api);
      expect(found, pointer).toBeDefined();
    }
    const taken = operations.map(({ name, operation }) => ({
      name,
      schemas: [...(operation.parameters ?? []).map(({ schema }) => schema), operation.requestBody],
    }));
    expect(
      taken.flatMap(({ name, schemas }) => schemas.flatMap((schema) => unbounded(schema).map((at) => `${name}: ${at}`))),
    ).toEqual([]);
  });
});

/** Where texts and lists may be of any length. */
function unbounded(schema: unknown, at = ''): readonly string[] {
  if (typeof schema !== 'object' || schema === null) return [];
  const { type, maxLength, pattern, enum: values, format, maxItems } = schema as Record<string, unknown>;
  const isOpenText =
    type === 'string' &&
    maxLength === undefined &&
    values === undefined &&
    format !== 'binary' &&
    !/^\^.*\$$/.test(String(pattern ?? ''));
  const isOpenList = type === 'array' && maxItems === undefined;
  const below = Object.entries(schema).flatMap(([name, value]) => unbounded(value, `${at}/${name}`));
  return isOpenText || isOpenList ? [at, ...below] : below;
}

describe('/docs', () => {
  it('is a page that takes everything from this server', async () => {
    const page = await server.get('/docs');
    expect(page.headers.get('content-security-policy')).toMatch(/^default-src 'none'; script-src 'self';/);
    const html = await page.text();
    const assets = [...html.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, address]) => new URL(address ?? '', page.url));
    expect(assets.length).toBeGreaterThan(4);
    for (const asset of assets) {
      expect(asset.origin).toBe(new URL(server.url).origin);
      const answer = await fetch(asset);
      expect(`${answer.status} ${asset.pathname}`).toBe(`200 ${asset.pathname}`);
      await answer.arrayBuffer();
    }
    expect(html).not.toMatch(/<script(?![^>]* src=)[^>]*>[^<]/);
    const start = await (await server.get('/docs/static/swagger-initializer.js')).text();
    expect(start).toContain("resolveUrl('./json')");
    expect(start).toContain('validatorUrl: null');
    expect(await (await server.get('/docs/json')).json()).toEqual(api);
  });
});
