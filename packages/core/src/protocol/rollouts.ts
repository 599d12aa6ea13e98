/** What operators change about releases: states, rollouts, channels, applications. */
import { type Static, Type } from 'typebox';
import { literals, slug, version } from './shapes.js';

export const rolloutStates = ['running', 'paused', 'halted'] as const;

const name = Type.String({ pattern: '^[A-Za-z0-9](?:[A-Za-z0-9._ -]*[A-Za-z0-9])?$', maxLength: 64 });
const reason = Type.String({ minLength: 1, maxLength: 1_000, description: 'Why; kept in the audit' });
const share = Type.Integer({ minimum: 0, maximum: 10_000, description: 'Of 10,000 terminals' });

export const GroupNames = Type.Array(name, { maxItems: 100 });

/** Named component to semver range: `php` to `>=8.2`; `os` and `disk_bytes` too. */
export const Requirements = Type.Record(
  Type.String({ pattern: '^[a-z0-9][a-z0-9_.-]{0,63}$' }),
  Type.String({ minLength: 1, maxLength: 200 }),
  { maxProperties: 64 },
);

const haltRule = {
  failure_rate_max: Type.Number({ minimum: 0, maximum: 1, description: 'Lower bound of the failure rate over which it halts' }),
  attempts_min: Type.Integer({ minimum: 1, maximum: 1_000_000, description: 'Attempts before the rate is looked at' }),
  rollback_votes_max: Type.Integer({
    minimum: 0,
    maximum: 1_000_000,
    description: 'Rollbacks over which it halts, whatever the rate',
  }),
};

export const Rollout = Type.Object({
  application: slug,
  version,
  share,
  groups: GroupNames,
  rings: GroupNames,
  state: literals(rolloutStates),
  halt_reason: Type.Union([Type.String(), Type.Null()]),
  halt_rule: Type.Object(haltRule),
  /** One for each enrolled terminal, its last one. */
  outcomes: Type.Object({
    attempts: Type.Integer(),
    completed: Type.Integer(),
    failed: Type.Integer(),
    rolled_back: Type.Integer(),
    failure_rate_lower_bound: Type.Number(),
  }),
  updated_at: Type.String(),
});
export type Rollout = Static<typeof Rollout>;

export const RolloutList = Type.Object({ rollouts: Type.Array(Rollout) });
export type RolloutList = Static<typeof RolloutList>;

/** PATCH /api/v1/rollouts/{version}: what is left out stays. An empty list of groups: all terminals. */
export const RolloutChange = Type.Object(
  {
    share: Type.Optional(share),
    groups: Type.Optional(GroupNames),
    rings: Type.Optional(GroupNames),
    state: Type.Optional(literals(['running', 'paused'])),
    halt_rule: Type.Optional(Type.Partial(Type.Object(haltRule), { additionalProperties: false })),
    reason,
  },
  { additionalProperties: false },
);
export type RolloutChange = Static<typeof RolloutChange>;

/** PATCH /api/v1/releases/{version} */
export const ReleaseChange = Type.Object(
  {
    state: Type.Optional(literals(['testing', 'published', 'deprecated', 'withdrawn'])),
    floor: Type.Optional(Type.Boolean()),
    mandatory: Type.Optional(Type.Boolean()),
    title: Type.Optional(Type.String({ maxLength: 1_000 })),
    changelog: Type.Optional(Type.String({ maxLength: 65_536 })),
    breaking_changes: Type.Optional(Type.String({ maxLength: 65_536 })),
    requirements: Type.Optional(Requirements),
    /** Terminals with this version, or an older one, may go back to the release: signed by the server, where it signs. */
    downgrade_from: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
    reason,
  },
  { additionalProperties: false },
);
export type ReleaseChange = Static<typeof ReleaseChange>;

/** PUT /api/v1/channels/{channel}: promotion moves the pointer, never the release. */
export const ChannelChange = Type.Object({ version, reason }, { additionalProperties: false });
export type ChannelChange = Static<typeof ChannelChange>;

export const ChannelList = Type.Object({
  channels: Type.Array(Type.Object({ application: slug, channel: Type.String(), version })),
});
export type ChannelList = Static<typeof ChannelList>;

export const Application = Type.Object({
  slug,
  name: Type.String(),
  access: literals(['public', 'licensed']),
  entry_point: Type.String(),
  preserve: Type.Array(Type.String()),
  signing_mode: literals(['offline', 'server']),
});
export type Application = Static<typeof Application>;

export const ApplicationList = Type.Object({ applications: Type.Array(Application) });
export type ApplicationList = Static<typeof ApplicationList>;

/** PATCH /api/v1/applications/{slug} */
export const ApplicationChange = Type.Object(
  {
    name: Type.Optional(Type.String({ minLength: 1, maxLength: 200 })),
    access: Type.Optional(literals(['public', 'licensed'])),
    entry_point: Type.Optional(Type.String({ maxLength: 1_024 })),
    preserve: Type.Optional(Type.Array(Type.String({ minLength: 1, maxLength: 1_024 }), { maxItems: 200 })),
    reason,
  },
  { additionalProperties: false },
);
export type ApplicationChange = Static<typeof ApplicationChange>;
