/** Who asks, in tests: operators, customers, terminals, by their headers. */
import { type TestServer, testToken } from './test-server.js';

export type Identity = Readonly<Record<string, string>>;

export const admin: Identity = { authorization: `Bearer ${testToken}` };
export const nobody: Identity = {};

export const signedIn = (name: string, secret: string): Identity => ({ authorization: `Bearer ${name}`, 'x-api-secret': secret });

export interface Asked {
  readonly as?: Identity;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

export interface Answered {
  readonly status: number;
  readonly headers: { get(name: string): string | null };
  /** Null: there is none. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape.
  readonly body: any;
  readonly text: string;
}

/** A request, as an admin unless it says otherwise, and its answer. */
export async function ask(
  server: Pick<TestServer, 'url'>,
  method: string,
  path: string,
  { as = admin, headers = {}, body }: Asked = {},
): Promise<Answered> {
  const json = body === undefined ? {} : { 'content-type': 'application/json' };
  const answer = await fetch(server.url + path, {
    method,
    headers: { ...as, ...json, ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  return { status: answer.status, headers: answer.headers, body: text === '' ? null : JSON.parse(text), text };
}

export interface TestCustomer {
  readonly code: string;
  readonly email: string;
  readonly as: Identity;
}

let people = 0;
export const person = (fields: object = {}) => ({
  email: `person-${++people}@example.com`,
  first_name: 'Ada',
  last_name: 'Rossi',
  company: 'Rossi & C.',
  phone: '+39 06 1234',
  ...fields,
});

/** A customer as an operator adds one. */
export async function newCustomer(server: Pick<TestServer, 'url'>, fields: object = {}): Promise<TestCustomer> {
  const { status, body, text } = await ask(server, 'POST', '/api/v1/customers', { body: person(fields) });
  if (status !== 201) throw new Error(`no customer was added: ${text}`);
  return { code: body.customer.code, email: body.customer.email, as: signedIn(body.api_key, body.api_secret) };
}

export const machine = (fields: object = {}) => ({
  name: 'Till 1',
  branch: 'Roma',
  operating_system: 'Windows 11',
  architecture: 'x64',
  agent_version: '1.0.0',
  ...fields,
});

export interface TestTerminal {
  readonly id: string;
  readonly as: Identity;
}

export async function newTerminal(
  server: Pick<TestServer, 'url'>,
  customer: TestCustomer,
  fields: object = {},
): Promise<TestTerminal> {
  const { status, body, text } = await ask(server, 'POST', '/api/v1/terminals/enrol', { as: customer.as, body: machine(fields) });
  if (status !== 201) throw new Error(`no terminal was enrolled: ${text}`);
  return { id: body.terminal_id, as: signedIn(body.terminal_id, body.secret) };
}

/** An operator with this role, by a token of its own. */
export async function newOperator(
  server: Pick<TestServer, 'url'>,
  name: string,
  role: 'viewer' | 'publisher' | 'admin',
): Promise<Identity> {
  await ask(server, 'POST', '/api/v1/operators', { body: { name, role } });
  const { body, text } = await ask(server, 'POST', `/api/v1/operators/${name}/tokens`, { body: { name: 'work' } });
  if (body.token === undefined) throw new Error(`no token was made: ${text}`);
  return { authorization: `Bearer ${body.token}` };
}
