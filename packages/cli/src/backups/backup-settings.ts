/** What the setting `backups` looks like in the configuration file. Meaning and defaults: docs/operating/backups.md. */
import { type Static, Type } from 'typebox';
import { languages } from '../language.js';

/** Of one line, and without what no server stores. */
const name = Type.String({ minLength: 1, maxLength: 128, pattern: '^(?!.*[\\p{Cc}\\p{Cs}])\\S(?:.*\\S)?$' });
const path = Type.String({ minLength: 1, maxLength: 4_096 });
const yearSeconds = 31_536_000;
const bytes = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
const choice = <const T extends readonly string[]>(values: T) => Type.Unsafe<T[number]>({ type: 'string', enum: [...values] });

/** How a backup is proved; what each means is in verify-file.ts. */
export const verifications = ['exists', 'checksum', 'archive', 'command'] as const;

const closed = { additionalProperties: false } as const;

export const BackupJobSettings = Type.Object(
  {
    name,
    /** Absolute. */
    folder: path,
    /** Glob below the folder; default: every file in it. */
    files: Type.Optional(Type.String({ minLength: 1, maxLength: 1_024 })),
    /** How often a backup is made: every so many seconds, or at these times of the machine's clock. */
    intervalSeconds: Type.Optional(Type.Integer({ minimum: 60, maximum: yearSeconds })),
    cron: Type.Optional(Type.String({ minLength: 1, maxLength: 128 })),
    /** How much later a backup may be there. */
    graceSeconds: Type.Optional(Type.Integer({ minimum: 0, maximum: yearSeconds })),
    /** How often it is looked at. */
    checkSeconds: Type.Optional(Type.Integer({ minimum: 60, maximum: yearSeconds })),
    /** How long one look may take, what `command` takes left out. */
    lookSecondsMax: Type.Optional(Type.Integer({ minimum: 60, maximum: 604_800 })),
    /** A file that was written less long ago may still be growing. */
    settleSeconds: Type.Optional(Type.Integer({ minimum: 0, maximum: 86_400 })),
    bytesMin: Type.Optional(bytes),
    /** How much smaller than usual a backup may be; 1: any. */
    shrinkShareMax: Type.Optional(Type.Number({ minimum: 0, maximum: 1 })),
    copiesMin: Type.Optional(Type.Integer({ minimum: 1, maximum: 100_000 })),
    verify: Type.Optional(Type.Array(choice(verifications), { maxItems: 4 })),
    /** Program and arguments; `{file}` stands for the backup's path. */
    command: Type.Optional(Type.Array(Type.String({ minLength: 1, maxLength: 8_192 }), { minItems: 1, maxItems: 64 })),
    commandSecondsMax: Type.Optional(Type.Integer({ minimum: 1, maximum: 86_400 })),
    /** After how long a file that was proved is read again. */
    verifyAgainHours: Type.Optional(Type.Integer({ minimum: 0, maximum: 8_784 })),
    freeBytesMin: Type.Optional(bytes),
    /** Names of targets; default: all of them. */
    tell: Type.Optional(Type.Array(name, { maxItems: 50 })),
    /** Whether updates wait for a proof of this one; default: yes. */
    guardsUpdates: Type.Optional(Type.Boolean()),
  },
  closed,
);
export type BackupJobSettings = Static<typeof BackupJobSettings>;

export const BackupTargetSettings = Type.Object(
  {
    name,
    kind: choice(['mail', 'webhook', 'sheet']),
    language: Type.Optional(choice(languages)),
    /** Where the secret is: a file of its own, or a variable of the environment. */
    secretFile: Type.Optional(path),
    secretVariable: Type.Optional(Type.String({ pattern: '^REMENDO_[A-Z0-9_]{1,100}$' })),
    /** mail: the server, `smtp://host:587`, when it asks for no password. webhook: where to send to. */
    url: Type.Optional(Type.String({ minLength: 1, maxLength: 2_048 })),
    /** mail */
    from: Type.Optional(Type.String({ minLength: 1, maxLength: 320 })),
    to: Type.Optional(Type.Array(Type.String({ minLength: 3, maxLength: 254 }), { minItems: 1, maxItems: 20 })),
    /** sheet: its id, the tab, and whether every result has a row or only changes. */
    spreadsheetId: Type.Optional(Type.String({ pattern: '^[\\w-]{1,200}$' })),
    tab: Type.Optional(Type.String({ minLength: 1, maxLength: 100, pattern: "^[^!']+$" })),
    rows: Type.Optional(choice(['results', 'changes'])),
    /** sheet: Google's addresses, where something stands between. */
    rootUrl: Type.Optional(Type.String({ maxLength: 2_048 })),
    tokenUrl: Type.Optional(Type.String({ maxLength: 2_048 })),
  },
  closed,
);
export type BackupTargetSettings = Static<typeof BackupTargetSettings>;

export const BackupSettings = Type.Object(
  {
    jobs: Type.Array(BackupJobSettings, { maxItems: 100 }),
    targets: Type.Optional(Type.Array(BackupTargetSettings, { maxItems: 20 })),
    /** What alerts call this place; an enrolled terminal's branch goes before it. */
    branch: Type.Optional(Type.String({ minLength: 1, maxLength: 128, pattern: '^[^\\p{Cc}\\p{Cs}]+$' })),
    /** Updates are installed only while every backup that guards them is proven and at most this old. */
    backupMaxAgeHours: Type.Optional(Type.Integer({ minimum: 1, maximum: 8_784 })),
  },
  closed,
);
export type BackupSettings = Static<typeof BackupSettings>;
