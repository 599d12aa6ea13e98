/** What only `setup` is told: it stands in the answers, beside the settings, and in no configuration. */
import { serviceLevels } from '@remendo/core/protocol';
import { type Static, type TSchema, Type } from 'typebox';
import { Value } from 'typebox/value';

const closed = { additionalProperties: false } as const;
const words = (maxLength: number) => Type.String({ minLength: 1, maxLength, pattern: '^[^\\p{Cc}\\p{Cs}]*$' });

/** A customer to become, where there is no key yet. */
export const RegisterAnswers = Type.Object(
  {
    email: words(254),
    firstName: words(100),
    lastName: words(100),
    company: Type.Optional(words(200)),
    phone: Type.Optional(words(40)),
    level: Type.Optional(Type.Union(serviceLevels.map((level) => Type.Literal(level)))),
    invitation: Type.Optional(words(100)),
  },
  closed,
);
export type RegisterAnswers = Static<typeof RegisterAnswers>;

/** How the terminal is called where it is enrolled. */
export const TerminalAnswers = Type.Object(
  { name: Type.Optional(words(100)), branch: Type.Optional(words(64)), group: Type.Optional(words(64)) },
  closed,
);
export type TerminalAnswers = Static<typeof TerminalAnswers>;

const schemas = {
  register: RegisterAnswers,
  terminal: TerminalAnswers,
  /** Whether the machine is enrolled, where there is a key. Default: yes. */
  enrol: Type.Boolean(),
  /** Whether the newest release is installed. Default: yes. */
  install: Type.Boolean(),
} as const satisfies Record<string, TSchema>;

export interface OnlySetup {
  readonly register?: RegisterAnswers;
  readonly terminal?: TerminalAnswers;
  readonly enrol?: boolean;
  readonly install?: boolean;
}

/** Parts the two. What is wrong with setup's own is added to `problems`. */
export function splitAnswers(
  answered: Readonly<Record<string, unknown>>,
  where: string,
  problems: string[],
): { readonly settings: Readonly<Record<string, unknown>>; readonly own: OnlySetup } {
  const settings: Record<string, unknown> = {};
  const own: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(answered)) {
    const schema: TSchema | undefined = Object.hasOwn(schemas, name) ? schemas[name as keyof typeof schemas] : undefined;
    if (schema === undefined) settings[name] = value;
    else if (Value.Check(schema, value)) own[name] = value;
    else
      for (const { instancePath, message } of Value.Errors(schema, value).slice(0, problemsMax))
        problems.push(`${where}: ${name}${instancePath.replaceAll('/', '.')} ${message}`);
  }
  return { settings, own };
}

const problemsMax = 20;
