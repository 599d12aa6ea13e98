// Makes the database that every new one begins as: what initdb makes, packed. Unpacking it takes a fifth of the time that
// making it anew does. Does nothing when it is there for this version of PGlite.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const { dependencies } = JSON.parse(readFileSync(join(here, 'package.json'), 'utf8'));
const folder = join(here, 'dist/database');
const file = join(folder, `seed-${dependencies['@electric-sql/pglite']}.tar.gz`);

if (!existsSync(file)) {
  const { PGlite } = await import('@electric-sql/pglite');
  const database = await PGlite.create();
  const dump = await database.dumpDataDir('gzip');
  mkdirSync(folder, { recursive: true });
  for (const old of readdirSync(folder).filter((name) => name.startsWith('seed-'))) rmSync(join(folder, old));
  writeFileSync(file, Buffer.from(await dump.arrayBuffer()));
  await database.close();
}
