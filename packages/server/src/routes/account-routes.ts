/** What customers do for themselves: register, ask about their licence, change their keys. */
import { errorChain } from '@remendo/core';
import {
  KeyList,
  KeyRequest,
  keyPrefix,
  LicenseAnswer,
  NewKey,
  oldLicenseNames,
  RegisterAnswer,
  RegisterRequest,
} from '@remendo/core/protocol';
import type { FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { codeCharacters, confirmMail, isMailConfirmed, sendMailCode } from '../accounts/confirm-mail.js';
import { listKeys, revokeKey, rotateKeys } from '../accounts/customer-keys.js';
import { daysLeft, lastDay, licenceState } from '../accounts/licence.js';
import { type CustomerAccount, requireCustomer, requireCustomerKey } from '../accounts/principal.js';
import { registerCustomer } from '../accounts/register-customer.js';
import { actorOf } from '../audit/record-audit.js';
import type { App, AppPorts } from './app-ports.js';
import { compatHeaders, takeOldNames, withOldNames } from './old-names.js';

const CompatHeaders = Type.Object(compatHeaders);
/** For answers with secrets. */
export const notStored = { 'cache-control': 'no-store' };

export function accountRoutes(app: App, ports: AppPorts): void {
  registerRoute(app, ports);
  mailRoutes(app, ports);
  licenseRoute(app, ports);
  keyRoutes(app, ports);
}

function registerRoute(app: App, ports: AppPorts): void {
  const { config, changes } = ports;
  const schema = {
    tags: ['accounts'],
    summary: 'Become a customer: code, key and secret are told here only',
    description:
      'With an e-mail that is known already the answer has no code, key and secret, and nothing changes. Old names of ' +
      'fields (nome, cognome, azienda, telefono, livello_servizio) are taken too.',
    headers: CompatHeaders,
    body: RegisterRequest,
    response: { 201: RegisterAnswer },
  };
  const options = { schema, preValidation: takeOldNames, config: { countedAs: 'registration' as const } };
  app.post('/api/v1/register', options, async (request, reply) => {
    const rules = { mode: config.registration, levelMax: config.registrationLevelMax };
    const answer = await registerCustomer(changes, actorOf(request), { rules, request: request.body });
    const { code } = answer.data;
    // Not waited for: the answer takes as long as one to an e-mail that is known, to which nothing is sent.
    if (code !== undefined) void sendMailCode(changes, codesOf(ports), code).catch((error) => logUnsent(request, error));
    return reply
      .code(201)
      .headers(notStored)
      .send({ ...answer, data: withOldNames(request, answer.data) });
  });
}

const codesOf = ({ notifier, config }: AppPorts) => ({ notifier, confirmationMailsPerDay: config.confirmationMailsPerDay });

const logUnsent = ({ log }: FastifyRequest, error: unknown): void =>
  log.warn({ event: 'mail_code_not_sent', errors: errorChain(error) }, 'no code was sent; the customer can ask for one');

const CodeSent = Type.Object({ sent: Type.Boolean() });
const MailCode = Type.Object({ code: Type.String({ pattern: `^[A-Z0-9]{${codeCharacters}}$` }) }, { additionalProperties: false });

function mailRoutes(app: App, ports: AppPorts): void {
  const tags = ['accounts'];
  const send = { tags, summary: 'Send a code to the own mail address, which confirms it: one a day', response: { 202: CodeSent } };
  app.post('/api/v1/mail/code', { schema: send }, async (request, reply) => {
    const { code } = requireCustomerKey(request);
    return reply.code(202).send({ sent: await sendMailCode(ports.changes, codesOf(ports), code) });
  });
  const confirm = { tags, summary: 'Confirm the own mail address with the code that was sent there', body: MailCode };
  app.post('/api/v1/mail/confirm', { schema: { ...confirm, response: { 204: Type.Null() } } }, async (request, reply) => {
    const { id: customerId } = requireCustomerKey(request);
    await confirmMail(ports.changes, actorOf(request), { customerId, code: request.body.code });
    return reply.code(204).send(null);
  });
}

function licenseRoute(app: App, ports: AppPorts): void {
  const schema = {
    tags: ['accounts'],
    summary: 'Whether the licence is good, until when, and what it allows',
    headers: CompatHeaders,
    response: { 200: LicenseAnswer },
  };
  app.get('/api/v1/license/verify', { schema }, async (request, reply) => {
    const customer = requireCustomer(request);
    reply.header('cache-control', 'private, no-cache');
    const isConfirmed = await isMailConfirmed(ports, ports.database.db, customer.id);
    const answer = licenseAnswer(customer, new Date(), ports.config.licenseGraceDays);
    const mail = isConfirmed === null ? {} : { mail_confirmed: isConfirmed };
    return withOldNames(request, { ...answer, ...mail }, oldLicenseNames);
  });
}

function licenseAnswer(customer: CustomerAccount, now: Date, graceDays: number): LicenseAnswer {
  const { kind } = licenceState(customer, now, graceDays);
  return {
    valid: kind === 'valid',
    status: kind === 'valid' ? 'active' : kind,
    code: customer.code,
    expires_on: lastDay(customer.expiresAt),
    days_left: daysLeft(customer.expiresAt, now),
    level: customer.level,
    limits: customer.limits,
    features: Object.keys(customer.features).filter((name) => customer.features[name] === true),
  };
}

/** With the customer's own key: a terminal's secret, which lies in a branch, makes no keys. */
function keyRoutes(app: App, { changes, database }: AppPorts): void {
  const tags = ['accounts'];
  const make = {
    tags,
    summary: 'Make a new key: those until now stay good for a while',
    body: KeyRequest,
    response: { 201: NewKey },
  };
  app.post('/api/v1/keys', { schema: make }, async (request, reply) => {
    const { code } = requireCustomerKey(request);
    return reply
      .code(201)
      .headers(notStored)
      .send(await rotateKeys(changes, actorOf(request), { ...request.body, code }));
  });
  app.get('/api/v1/keys', { schema: { tags, summary: 'The keys, without secrets', response: { 200: KeyList } } }, async (request) =>
    listKeys(database.db, requireCustomerKey(request).code),
  );
  const params = Type.Object({ prefix: keyPrefix });
  const revoke = { tags, summary: 'Revoke a key at once', params, response: { 204: Type.Null() } };
  app.delete('/api/v1/keys/:prefix', { schema: revoke }, async (request, reply) => {
    const { code } = requireCustomerKey(request);
    await revokeKey(changes, actorOf(request), { code, prefix: request.params.prefix });
    return reply.code(204).send(null);
  });
}
