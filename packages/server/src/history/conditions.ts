/** Conditions of lists that people filter: what they leave out does not matter. */
import { type RawBuilder, sql } from 'kysely';

type Condition = RawBuilder<unknown>;

/** Nothing for a value that is not given. */
export const when = <T>(value: T | null | undefined, condition: (value: T) => Condition): readonly Condition[] =>
  value === null || value === undefined ? [] : [condition(value)];

export const equals = (column: string, value: string | number | null | undefined): readonly Condition[] =>
  when(value, (given) => sql`${sql.ref(column)} = ${given}`);

/** Of a customer that is named by its code. */
export const ofCustomer = (column: string, code: string | undefined): readonly Condition[] =>
  when(code, (given) => sql`${sql.ref(column)} = (select id from customer where customer.code = ${given})`);

export const allOf = (conditions: readonly Condition[]): RawBuilder<boolean> =>
  sql<boolean>`(${sql.join([sql`true`, ...conditions], sql` and `)})`;
