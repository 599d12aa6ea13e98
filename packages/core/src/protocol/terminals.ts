/** Enrolled machines: how they come, what operators and customers see of them and set. */
import { type Static, Type } from 'typebox';
import { customerCode, words } from './accounts.js';
import { bytes, literals, moment, nullable, slug, version } from './shapes.js';

const closed = { additionalProperties: false } as const;
const channelName = literals(['stable', 'development'] as const);

export const terminalId = Type.String({ pattern: '^trm_[A-Za-z0-9_-]{22}$' });
/** Of a branch, a group, a ring. */
export const setName = words(64);
const reason = Type.Optional(words(500, 0));

const machineFields = {
  operating_system: words(100),
  architecture: Type.String({ pattern: '^[A-Za-z0-9_.-]{1,32}$' }),
  agent_version: words(64),
};

/** POST /api/v1/terminals/enrol. The ring, who tests what is not published yet, is the operators' to set. */
export const EnrolRequest = Type.Object(
  { name: words(100), branch: setName, group: Type.Optional(setName), ...machineFields },
  closed,
);
export type EnrolRequest = Static<typeof EnrolRequest>;

/** A terminal signs in with both, in the place of a customer's key and secret. The secret is told once. */
export const NewTerminal = Type.Object({ terminal_id: terminalId, secret: Type.String() });
export type NewTerminal = Static<typeof NewTerminal>;

const policyFields = {
  /** The release it is to have, whatever its channel; null: none in particular. */
  pinned_version: nullable(version),
  /** Whether the pin may lead to a release that is older than the installed one. */
  allow_downgrade: Type.Boolean(),
};

export const TerminalPolicy = Type.Object({
  application: slug,
  ...policyFields,
  /** Versions that are not offered again: those that were rolled back here. */
  blocked: Type.Array(version),
});
export type TerminalPolicy = Static<typeof TerminalPolicy>;

export const Terminal = Type.Object({
  terminal_id: terminalId,
  customer: customerCode,
  name: Type.String(),
  branch: Type.String(),
  group: nullable(Type.String()),
  ring: nullable(Type.String()),
  operating_system: Type.String(),
  architecture: Type.String(),
  agent_version: Type.String(),
  /** False: revoked. */
  is_enabled: Type.Boolean(),
  is_silent: Type.Boolean(),
  last_check_at: nullable(moment),
  last_address: nullable(Type.String()),
  link_bytes_per_second: nullable(bytes),
  created_at: moment,
  updated_at: moment,
  /** What was installed at the last check. */
  applications: Type.Array(
    Type.Object({
      application: slug,
      platform: slug,
      version: nullable(version),
      channel: channelName,
      checked_at: moment,
    }),
  ),
  policies: Type.Array(TerminalPolicy),
});
export type Terminal = Static<typeof Terminal>;

/** GET /api/v1/terminals */
export const TerminalList = Type.Object({ terminals: Type.Array(Terminal), next: nullable(Type.String()) });
export type TerminalList = Static<typeof TerminalList>;

/**
 * PATCH /api/v1/terminals/{id}. Operators set name, branch, group and ring, customers name and branch; the terminal itself
 * tells what it runs on and how fast its link is.
 */
export const TerminalChange = Type.Object(
  {
    name: Type.Optional(words(100)),
    branch: Type.Optional(setName),
    group: Type.Optional(nullable(setName)),
    ring: Type.Optional(nullable(setName)),
    operating_system: Type.Optional(machineFields.operating_system),
    architecture: Type.Optional(machineFields.architecture),
    agent_version: Type.Optional(machineFields.agent_version),
    link_bytes_per_second: Type.Optional(nullable(bytes)),
    reason,
  },
  { ...closed, minProperties: 1 },
);
export type TerminalChange = Static<typeof TerminalChange>;

/** PUT /api/v1/terminals/{id}/policies/{application}: without `blocked` those stay as they are. */
export const PolicyRequest = Type.Object(
  { ...policyFields, blocked: Type.Optional(Type.Array(version, { maxItems: 100 })), reason },
  closed,
);
export type PolicyRequest = Static<typeof PolicyRequest>;

/** POST /api/v1/terminals/{id}/secret */
export const SecretRequest = Type.Object(
  {
    /** Hours for which the secret until now stays good; 0: not at all. */
    overlap_hours: Type.Optional(Type.Integer({ minimum: 0, maximum: 720, default: 24 })),
    reason,
  },
  closed,
);
export type SecretRequest = Static<typeof SecretRequest>;
