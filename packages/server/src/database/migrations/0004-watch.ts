/** Since when somebody watches without a break: what a server that was away did not hear is nobody's silence. */
import { type Kysely, sql } from 'kysely';

export const watchMigration = {
  async up(db: Kysely<unknown>): Promise<void> {
    await sql`
      create table watch (
        name text primary key,
        began_at timestamptz not null,
        seen_at timestamptz not null)`.execute(db);
  },
};
