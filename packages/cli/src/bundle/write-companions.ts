/** What lies in a bundle's folder for people and for a first install: a text that says what it is, and the program. */
import { createReadStream } from 'node:fs';
import { basename, join } from 'node:path';
import { UpdaterError } from '@remendo/core';
import type { CommandContext } from '../command-context.js';
import { statNamedPath } from '../named-path.js';
import { writePlain } from './bundle-folder.js';
import type { ObjectFolder } from './object-folder.js';
import { makeOwnFolder } from './object-folder.js';

const readme = `Remendo

EN  Updates for terminals that no link reaches. On the terminal:
      remendo install --root FOLDER --from THIS_FOLDER
    Afterwards bring the folder "receipts" back: remendo receipts THIS_FOLDER

PT  Atualizações para terminais sem conexão. No terminal:
      remendo install --root PASTA --from ESTA_PASTA
    Depois traga de volta a pasta "receipts": remendo receipts ESTA_PASTA

IT  Aggiornamenti per terminali senza collegamento. Sul terminale:
      remendo install --root CARTELLA --from QUESTA_CARTELLA
    Dopo riporta la cartella "receipts": remendo receipts QUESTA_CARTELLA
`;

/** What FAT, and Windows everywhere, takes as a name. */
const safeName = /^[A-Za-z0-9][A-Za-z0-9 ._-]{0,99}$/;

export interface Companions {
  /** Paths of files. */
  readonly program: readonly string[];
  /** The first root of the server's: whoever trusts the folder may give it to `setup --trust-root`. */
  readonly root: Uint8Array | undefined;
}

/** @throws UpdaterError CONFIG_INVALID for a program that is no file, STORAGE_…. */
export async function writeCompanions(context: CommandContext, place: ObjectFolder, { program, root }: Companions): Promise<void> {
  await writePlain(place, join(place.folder, 'README.txt'), Buffer.from(readme.replaceAll('\n', '\r\n')));
  if (program.length === 0) return;
  const folder = await makeOwnFolder(place, 'program');
  if (root !== undefined) await writePlain(place, join(folder, 'root.json'), root);
  for (const path of program) await copyProgram(context, place, path);
}

async function copyProgram({ signal }: CommandContext, { fileSystem, folder }: ObjectFolder, path: string): Promise<void> {
  const name = basename(path);
  if (!(await statNamedPath(path)).isFile() || !safeName.test(name))
    throw new UpdaterError('CONFIG_INVALID', `--program ${path} is no file that a stick can hold`, { details: { path } });
  const target = join(folder, 'program', name);
  const file = await fileSystem.open(`${target}.part`, 'create');
  try {
    let at = 0;
    for await (const chunk of createReadStream(path, { signal }) as AsyncIterable<Buffer>) {
      await file.write(at, chunk);
      at += chunk.length;
    }
    await file.sync();
  } finally {
    await file.close();
  }
  await fileSystem.rename(`${target}.part`, target);
  if (fileSystem.hasModes) await fileSystem.setMode(target, 0o755).catch(() => undefined);
}
