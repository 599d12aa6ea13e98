/** What the setting `agent` looks like in the configuration file. Meaning and defaults: docs/operating/agent.md. */
import { type Static, Type } from 'typebox';

const closed = { additionalProperties: false } as const;
const clockTime = Type.String({ pattern: '^([01]\\d|2[0-3]):[0-5]\\d$' });
const cron = Type.String({ minLength: 1, maxLength: 128 });

/** As `Date.getDay` counts them. */
export const weekdays = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const;

export const MaintenanceWindow = Type.Object(
  {
    /** On which it begins; default: all. */
    days: Type.Optional(
      Type.Array(Type.Unsafe<(typeof weekdays)[number]>({ type: 'string', enum: [...weekdays] }), { minItems: 1, maxItems: 7 }),
    ),
    /** By this machine's clock. `to` may be the next day; the same as `from`: a whole day. */
    from: clockTime,
    to: clockTime,
  },
  closed,
);
export type MaintenanceWindow = Static<typeof MaintenanceWindow>;

const windows = Type.Optional(Type.Array(MaintenanceWindow, { maxItems: 50 }));

export const AgentSettings = Type.Object(
  {
    checkCron: Type.Optional(cron),
    licenseCron: Type.Optional(cron),
    cleanupCron: Type.Optional(cron),
    /** How much later than its time anything may begin. */
    jitterMinutesMax: Type.Optional(Type.Integer({ minimum: 0, maximum: 1_440 })),
    downloadWindows: windows,
    installWindows: windows,
    /** While the application holds it, or has made it, nothing is installed; below the install root unless absolute. */
    holdFile: Type.Optional(Type.String({ minLength: 1, maxLength: 1_024 })),
    /** A file that is older holds nothing: whoever made it has forgotten it. */
    holdHoursMax: Type.Optional(Type.Integer({ minimum: 1, maximum: 168 })),
    /** What accepts an update that the agent put in place: the next `launch`, or nothing more than its bytes. */
    proof: Type.Optional(Type.Unsafe<'launch' | 'none'>({ type: 'string', enum: ['launch', 'none'] })),
    /** From how many days before its end the licence is warned about. */
    licenseWarnDays: Type.Optional(Type.Integer({ minimum: 0, maximum: 366 })),
    /** Downloads that nothing asked for this long are removed. */
    downloadDaysMax: Type.Optional(Type.Integer({ minimum: 1, maximum: 366 })),
  },
  closed,
);
export type AgentSettings = Static<typeof AgentSettings>;

export const UpdateLogSettings = Type.Object(
  {
    /** Of one file. */
    bytesMax: Type.Optional(Type.Integer({ minimum: 65_536, maximum: 1024 ** 3 })),
    /** Files beside the one that is written. */
    oldFilesMax: Type.Optional(Type.Integer({ minimum: 0, maximum: 99 })),
  },
  closed,
);
