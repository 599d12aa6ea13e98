import { sql } from 'kysely';
import type { Db } from '../database/open-database.js';

/** Makes everything that garbage collection looks at so many days older. */
export async function ageStorage(db: Db, days: number): Promise<void> {
  const columns = [
    ['object', 'created_at'],
    ['object', 'doomed_at'],
    ['object_use', 'used_at'],
    ['release', 'updated_at'],
    ['sighting', 'checked_at'],
  ] as const;
  for (const [table, column] of columns) {
    const name = sql.ref(column);
    await sql`update ${sql.table(table)} set ${name} = ${name} - make_interval(mins => ${Math.round(days * 1_440)})`.execute(db);
  }
}
