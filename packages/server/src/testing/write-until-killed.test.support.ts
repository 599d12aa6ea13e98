/** A process that writes two rows in every transaction and says so, until it is killed. Its argument is a data folder. */
import { join } from 'node:path';
import { openDatabase } from '../database/open-database.js';

const folder = process.argv[2] ?? '';
const { db } = await openDatabase({ kind: 'embedded', folder: join(folder, 'database') }, (error) => {
  throw error;
});
const { count } = await db
  .selectFrom('setting')
  .select((eb) => eb.fn.countAll<number>().as('count'))
  .executeTakeFirstOrThrow();
for (let number = count / 2; ; number++) {
  await db.transaction().execute(async (tx) => {
    for (const name of [2 * number, 2 * number + 1]) {
      await tx
        .insertInto('setting')
        .values({ name: String(name), value: `of ${number}` })
        .execute();
    }
  });
  process.stdout.write(`${number}\n`);
}
