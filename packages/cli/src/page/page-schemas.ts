/** What the page asks and gets: `/v1`, only added to. Documents of commands are as `--json` prints them. */
import { type Static, Type } from 'typebox';
import { cursorPattern } from './log-after.js';

const text = Type.Union([Type.String(), Type.Null()]);
const bytes = Type.Union([Type.Integer({ minimum: 0 }), Type.Null()]);
const flag = Type.Union([Type.Boolean(), Type.Null()]);
const document = Type.Record(Type.String(), Type.Unknown());

export const PageProblem = Type.Object({ code: Type.String(), message: Type.String() });

export const IndexAnswer = Type.Object({ name: Type.String(), version: Type.String(), addresses: Type.Array(Type.String()) });

export const UpdateState = Type.Object({
  /** Of updates that were started here, the last one; `idle`: none was. */
  state: Type.Enum(['idle', 'running', 'ended']),
  /** Asked for by its number; null: whatever is offered. */
  asked_version: text,
  started_at: text,
  ended_at: text,
  /** As `install --json` has it: `updated`, `up_to_date`, `rolled_back`, `failed`, `interrupted` … */
  outcome: text,
  /** What is installed now, where it ended well. */
  version: text,
  /** Of what failed. */
  code: text,
  message: text,
});
export type UpdateState = Static<typeof UpdateState>;

export const ProgressAnswer = Type.Object({
  /** Whether the program that wrote it is still at it. */
  is_current: Type.Boolean(),
  /** `.remendo/progress.json`; null: there is none. */
  progress: Type.Union([document, Type.Null()]),
});
export type ProgressAnswer = Static<typeof ProgressAnswer>;

export const StatusAnswer = Type.Object({
  /** As `status --json` prints it; null: nothing is installed. */
  install: Type.Union([document, Type.Null()]),
  /** An update is in place that no start has proved yet. */
  awaits_launch: Type.Boolean(),
  hold: Type.Object({ state: Type.Enum(['none', 'held', 'stale']), since: text }),
  update: UpdateState,
  ...ProgressAnswer.properties,
});
export type StatusAnswer = Static<typeof StatusAnswer>;

export const CheckedAnswer = Type.Object({
  /** `available`, `up_to_date`, `not_offered`, `blocked`. */
  outcome: Type.String(),
  installed: text,
  /** That is offered, or blocked. */
  version: text,
  reason: text,
  /** When the server said so. */
  asked_at: text,
});
export type CheckedAnswer = Static<typeof CheckedAnswer>;

export const NewsAnswer = Type.Object({
  installed: text,
  /** Null: nothing is offered. */
  release: Type.Union([
    Type.Object({
      version: Type.String(),
      type: text,
      title: Type.String(),
      changelog: Type.String(),
      breaking_changes: Type.String(),
      /** Null while its deltas are still being built. */
      patch_bytes: bytes,
      zip_bytes: bytes,
      is_mandatory: Type.Boolean(),
      requires_backup: flag,
      requires_downtime: Type.Boolean(),
    }),
    Type.Null(),
  ]),
});
export type NewsAnswer = Static<typeof NewsAnswer>;

export const LogAnswer = Type.Object({
  entries: Type.Array(Type.Object({ id: Type.String(), entry: document })),
  has_more: Type.Boolean(),
});

export const WhyAnswer = document;

const closed = { additionalProperties: false } as const;
const cursor = Type.String({ pattern: cursorPattern });
/** Looked at by the guard; here so that it is no unknown name. */
const token = Type.Optional(Type.String({ maxLength: 100 }));

export const NoQuery = Type.Object({ token }, closed);
export const CheckQuery = Type.Object({ token, force: Type.Optional(Type.Enum(['', 'true', 'false'])) }, closed);
export const LogQuery = Type.Object(
  { token, after: Type.Optional(cursor), limit: Type.Optional(Type.String({ pattern: '^([1-9][0-9]{0,2}|1000)$' })) },
  closed,
);
/** Nothing at all is the same as an empty object. */
export const UpdateBody = Type.Union([
  Type.Object(
    {
      version: Type.Optional(Type.String({ minLength: 1, maxLength: 100 })),
      /** Also a version that was rolled back here. */
      retry: Type.Optional(Type.Boolean()),
    },
    closed,
  ),
  Type.Null(),
]);
export type UpdateBody = Static<typeof UpdateBody>;
export const EventHeaders = Type.Object({ 'last-event-id': Type.Optional(cursor) });
