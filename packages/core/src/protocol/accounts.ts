/** Customers, their keys and licences, invitations, operators: what they ask and what they are told. */
import { type Static, type TSchema, Type } from 'typebox';
import { bytes, line, literals, moment, nullable } from './shapes.js';

export const serviceLevels = ['basic', 'professional', 'enterprise'] as const;
export const operatorRoles = ['viewer', 'publisher', 'admin'] as const;
export const licenceStates = ['active', 'suspended', 'expired'] as const;

/** Text of one line, as people write it: no control characters, nothing that is no character. */
export const words = (maxLength: number, minLength = 1) => Type.String({ minLength, maxLength, pattern: '^[^\\p{Cc}\\p{Cs}]*$' });

const level = literals(serviceLevels);
const email = Type.String({ maxLength: 254, format: 'email', description: 'Kept in lower case' });
const day = Type.String({
  pattern: '^2[0-9]{3}-[0-9]{2}-[0-9]{2}$',
  format: 'date',
  description: 'The last day, in UTC: 2027-11-22',
});
const limit = nullable(Type.Integer({ minimum: 0, maximum: 1_000_000 }));
const reason = Type.Optional(words(500, 0));
const closed = { additionalProperties: false } as const;

export const customerCode = Type.String({ pattern: '^[A-Z0-9]{8}$', description: 'USR23456' });
export const keyPrefix = Type.String({ pattern: '^[A-Za-z0-9]{12}$', description: 'The public part of a key: rk_<prefix>_…' });
/** Not `me`, which is whoever asks. */
export const operatorName = Type.String({ pattern: '^(?!me$)[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$' });
export const tokenName = Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$' });

/** By which older programs know some fields: requests may use them, and answers carry both with `X-Compat: netgescon-1`. */
export const oldAccountNames = {
  nome: 'first_name',
  cognome: 'last_name',
  azienda: 'company',
  telefono: 'phone',
  livello_servizio: 'service_level',
  data_scadenza: 'expires_on',
  ultimo_accesso: 'last_seen_at',
  ip_autorizzati: 'allowed_addresses',
  stato: 'status',
} as const;
/** In the answer about a licence, which says `level`. */
export const oldLicenseNames = { data_scadenza: 'expires_on', livello_servizio: 'level', stato: 'status' } as const;
export const oldLimitNames = { stabili: 'properties' } as const;

/** null: without limit. */
const limitFields = { administrators: limit, properties: limit, terminals: limit };
export const Limits = Type.Object({ ...limitFields, stabili: Type.Optional(limit) });
export const Features = Type.Record(Type.String({ pattern: '^[a-z][a-z0-9_]{0,31}$' }), Type.Boolean(), {
  maxProperties: 50,
  ...closed,
});

const personFields = {
  email,
  first_name: words(100),
  last_name: words(100),
  company: Type.Optional(words(200, 0)),
  phone: Type.Optional(words(40, 0)),
  service_level: Type.Optional(level),
};

/** POST /api/v1/register */
export const RegisterRequest = Type.Object({ ...personFields, invitation: Type.Optional(words(100)) }, closed);
export type RegisterRequest = Static<typeof RegisterRequest>;

/** Old names, where they are asked for. */
const old = <T extends TSchema>(shape: T) => Type.Optional(shape);

/** A key and its secret are told once, when they are made. */
export const RegisterAnswer = Type.Object({
  success: Type.Boolean(),
  /** Without code, key and secret when nobody was registered; why is not told. */
  data: Type.Object({
    code: Type.Optional(customerCode),
    api_key: Type.Optional(Type.String()),
    api_secret: Type.Optional(Type.String()),
    expires_on: day,
    /** What is granted, and what was asked for: an operator can raise it. */
    service_level: level,
    requested_level: level,
    limits: Limits,
    features: Features,
    data_scadenza: old(day),
    livello_servizio: old(level),
  }),
});
export type RegisterAnswer = Static<typeof RegisterAnswer>;

/** GET /api/v1/license/verify */
export const LicenseAnswer = Type.Object({
  valid: Type.Boolean(),
  status: literals(licenceStates),
  code: customerCode,
  expires_on: day,
  /** Days after today (UTC) on which it is good: 0 on the last day. */
  days_left: Type.Integer({ minimum: 0 }),
  level,
  limits: Limits,
  /** Names of those that are enabled. */
  features: Type.Array(Type.String()),
  /** Whether the customer's mail address is known to be theirs; left out by a server that sends no mail. */
  mail_confirmed: Type.Optional(Type.Boolean()),
  data_scadenza: old(day),
  livello_servizio: old(level),
  stato: old(literals(licenceStates)),
});
export type LicenseAnswer = Static<typeof LicenseAnswer>;

const addressBlocks = Type.Array(Type.String({ maxLength: 60 }), { maxItems: 200, description: 'CIDR blocks; none: any address' });

export const Customer = Type.Object({
  code: customerCode,
  email: Type.String(),
  first_name: Type.String(),
  last_name: Type.String(),
  company: Type.String(),
  phone: Type.String(),
  service_level: level,
  requested_level: level,
  expires_on: day,
  limits: Limits,
  features: Features,
  allowed_addresses: addressBlocks,
  status: literals([...licenceStates, 'deleted'] as const),
  /** Those that are enrolled and not revoked. */
  terminals: bytes,
  last_seen_at: nullable(moment),
  created_at: moment,
  updated_at: moment,
  nome: old(Type.String()),
  cognome: old(Type.String()),
  azienda: old(Type.String()),
  telefono: old(Type.String()),
  livello_servizio: old(level),
  data_scadenza: old(day),
  ultimo_accesso: old(nullable(moment)),
  ip_autorizzati: old(addressBlocks),
  stato: old(Type.String()),
});
export type Customer = Static<typeof Customer>;

const termFields = {
  expires_on: Type.Optional(day),
  limits: Type.Optional(Type.Object(limitFields, closed)),
  features: Type.Optional(Features),
  allowed_addresses: Type.Optional(addressBlocks),
  reason,
};

/** POST /api/v1/customers: what is left out is as the service level has it, for a year. */
export const CustomerRequest = Type.Object({ ...personFields, ...termFields }, closed);
export type CustomerRequest = Static<typeof CustomerRequest>;

/** PATCH /api/v1/customers/{code}: another service level brings its limits and features, unless they are given too. */
export const CustomerChange = Type.Object(
  {
    ...personFields,
    email: Type.Optional(email),
    first_name: Type.Optional(words(100)),
    last_name: Type.Optional(words(100)),
    ...termFields,
    status: Type.Optional(literals(['active', 'suspended'] as const)),
  },
  { ...closed, minProperties: 1 },
);
export type CustomerChange = Static<typeof CustomerChange>;

/** GET /api/v1/customers */
export const CustomerList = Type.Object({ customers: Type.Array(Customer), next: nullable(Type.String()) });
export type CustomerList = Static<typeof CustomerList>;

/** POST /api/v1/keys, /api/v1/customers/{code}/keys */
export const KeyRequest = Type.Object(
  {
    /** Hours for which the keys until now stay good; 0: not at all. */
    overlap_hours: Type.Optional(Type.Integer({ minimum: 0, maximum: 720, default: 24 })),
    reason,
  },
  closed,
);
export type KeyRequest = Static<typeof KeyRequest>;

/** Told once. */
export const NewKey = Type.Object({ code: customerCode, prefix: keyPrefix, api_key: Type.String(), api_secret: Type.String() });
export type NewKey = Static<typeof NewKey>;

export const NewCustomer = Type.Object({ customer: Customer, api_key: Type.String(), api_secret: Type.String() });
export type NewCustomer = Static<typeof NewCustomer>;

export const KeyList = Type.Object({
  /** Newest first. */
  keys: Type.Array(Type.Object({ prefix: keyPrefix, created_at: moment, expires_at: nullable(moment) })),
});
export type KeyList = Static<typeof KeyList>;

const expiresInDays = Type.Integer({ minimum: 1, maximum: 3_650 });

/** POST /api/v1/invitations */
export const InvitationRequest = Type.Object(
  {
    /** The highest that registering with it grants. */
    service_level: level,
    note: Type.Optional(words(200, 0)),
    expires_in_days: Type.Optional(Type.Integer({ minimum: 1, maximum: 3_650, default: 30 })),
  },
  closed,
);
export type InvitationRequest = Static<typeof InvitationRequest>;

export const Invitation = Type.Object({
  id: bytes,
  service_level: level,
  note: Type.String(),
  expires_at: moment,
  /** The customer who registered with it. */
  used_by: nullable(customerCode),
  created_at: moment,
});
export type Invitation = Static<typeof Invitation>;

/** `code` is told once. */
export const NewInvitation = Type.Object({ invitation: Invitation, code: Type.String() });
export type NewInvitation = Static<typeof NewInvitation>;

export const InvitationList = Type.Object({ invitations: Type.Array(Invitation), next: nullable(Type.String()) });
export type InvitationList = Static<typeof InvitationList>;

const role = literals(operatorRoles);

export const OperatorToken = Type.Object({ name: tokenName, created_at: moment, expires_at: nullable(moment) });

export const Operator = Type.Object({
  name: operatorName,
  email: nullable(Type.String()),
  role,
  is_enabled: Type.Boolean(),
  tokens: Type.Array(OperatorToken),
  created_at: moment,
  updated_at: moment,
});
export type Operator = Static<typeof Operator>;

/** GET /api/v1/operators */
export const OperatorList = Type.Object({ operators: Type.Array(Operator), next: nullable(Type.String()) });
export type OperatorList = Static<typeof OperatorList>;

/** POST /api/v1/operators */
export const OperatorRequest = Type.Object({ name: operatorName, email: Type.Optional(nullable(email)), role }, closed);
export type OperatorRequest = Static<typeof OperatorRequest>;

/** PATCH /api/v1/operators/{name} */
export const OperatorChange = Type.Object(
  { email: Type.Optional(nullable(email)), role: Type.Optional(role), is_enabled: Type.Optional(Type.Boolean()), reason },
  { ...closed, minProperties: 1 },
);
export type OperatorChange = Static<typeof OperatorChange>;

/** POST /api/v1/operators/{name}/tokens: without `expires_in_days` it is good until it is deleted. */
export const TokenRequest = Type.Object({ name: tokenName, expires_in_days: Type.Optional(expiresInDays) }, closed);
export type TokenRequest = Static<typeof TokenRequest>;

/** Told once. */
export const NewToken = Type.Object({ name: tokenName, token: Type.String(), expires_at: nullable(moment) });
export type NewToken = Static<typeof NewToken>;

export const actorKinds = ['operator', 'customer', 'terminal', 'server', 'anonymous'] as const;

/** A change that somebody made; what was and what is stands in `detail`. */
export const AuditEvent = Type.Object({
  id: bytes,
  at: moment,
  actor_kind: literals(actorKinds),
  actor: Type.String(),
  action: Type.String(),
  subject_kind: Type.String(),
  subject: Type.String(),
  reason: line,
  detail: Type.Record(Type.String(), Type.Unknown()),
  address: nullable(Type.String()),
  request_id: nullable(Type.String()),
});
export type AuditEvent = Static<typeof AuditEvent>;

/** GET /api/v1/audit: newest first. */
export const AuditList = Type.Object({ events: Type.Array(AuditEvent), next: nullable(Type.String()) });
export type AuditList = Static<typeof AuditList>;
