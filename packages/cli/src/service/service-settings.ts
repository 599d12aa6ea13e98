import { type Static, Type } from 'typebox';

/** How the agent is kept running. */
export const serviceSchema = Type.Object(
  {
    /** daemon: always there · timer: started by the system for one round at a time · none: not by setup. Default: daemon. */
    mode: Type.Optional(Type.Union([Type.Literal('daemon'), Type.Literal('timer'), Type.Literal('none')])),
    /** system: from the start of the machine on, needs an administrator · user: of whoever runs setup. Default: system. */
    scope: Type.Optional(Type.Union([Type.Literal('system'), Type.Literal('user')])),
    /** Of the system's scope: who runs it. Default: root, or SYSTEM. */
    account: Type.Optional(Type.String({ pattern: '^[^\\p{Cc}\\p{Cs}:"/]{1,104}$' })),
  },
  { additionalProperties: false },
);

export interface ServiceSettings {
  readonly mode: 'daemon' | 'timer' | 'none';
  readonly scope: 'system' | 'user';
  readonly account: string | null;
}

export const serviceSettingsOf = (given: Static<typeof serviceSchema> | null): ServiceSettings => ({
  mode: given?.mode ?? 'daemon',
  scope: given?.scope ?? 'system',
  account: given?.account ?? null,
});
