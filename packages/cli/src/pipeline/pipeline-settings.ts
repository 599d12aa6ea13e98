/** What may stand in the configuration about steps around the swap, health, and components that releases require. */
import { limits } from '@remendo/core';
import { type Static, Type } from 'typebox';

const closed = { additionalProperties: false } as const;
const text = (maxLength: number) => Type.String({ minLength: 1, maxLength });
const timeLimitMs = Type.Integer({ minimum: 1, maximum: limits.stepTimeMsMax });

const programFields = {
  command: text(limits.pathBytesMax),
  args: Type.Optional(Type.Array(Type.String({ maxLength: 2_048 }), { maxItems: 64 })),
  folder: Type.Optional(text(limits.pathBytesMax)),
  timeLimitMs: Type.Optional(timeLimitMs),
};
const program = Type.Object(programFields, closed);

const step = Type.Object(
  {
    name: text(limits.nameCharactersMax),
    ...programFields,
    undo: Type.Optional(program),
    changesData: Type.Optional(Type.Boolean()),
    backupPath: Type.Optional(text(limits.pathBytesMax)),
  },
  closed,
);
const list = Type.Optional(Type.Array(step, { maxItems: limits.stepsMax }));

/** As `Steps` of the library. */
export const stepsSchema = Type.Object({ before: list, after: list, finally: list }, closed);

export const healthSchema = Type.Object(
  {
    port: Type.Optional(Type.Integer({ minimum: 1, maximum: 65_535 })),
    file: Type.Optional(text(limits.pathBytesMax)),
    command: Type.Optional(program),
    withinMs: Type.Optional(Type.Integer({ minimum: 1, maximum: 3_600_000 })),
  },
  closed,
);
export type HealthSettings = Static<typeof healthSchema>;

/** By the names that releases use. */
export const componentsSchema = Type.Record(
  Type.String({ pattern: '^[a-z0-9][a-z0-9_.-]{0,63}$' }),
  Type.Object({ command: programFields.command, args: programFields.args }, closed),
  { maxProperties: 64 },
);
export type ComponentsSettings = Static<typeof componentsSchema>;
