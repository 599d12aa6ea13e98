/** What only Windows does to files, held against the real implementation of the port. Runs under wine, bundled. */
import { type ChildProcess, spawn } from 'node:child_process';
import { copyFileSync, existsSync, statSync } from 'node:fs';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { hasCode, nodeFileSystem } from '@remendo/core';

export interface DiskCheck {
  readonly name: string;
  /** @returns what was seen. @throws Error when it is not what should be. */
  run(folder: string): Promise<string>;
}

const fileSystem = nodeFileSystem();
/** Without the pauses: what stays held is known at once. */
const impatient = nodeFileSystem({ heldDelaysMs: [1] });

async function until(holds: () => boolean): Promise<void> {
  for (let waitedMs = 0; !holds(); waitedMs += 50) {
    if (waitedMs > 30_000) throw new Error('it was waited for in vain');
    await setTimeout(50);
  }
}

async function withChild<T>(child: ChildProcess, use: () => Promise<T>): Promise<T> {
  const ended = new Promise((resolve) => child.once('exit', resolve));
  try {
    return await use();
  } finally {
    child.kill();
    await ended;
  }
}

async function mustBeHeld(what: string, call: Promise<unknown>): Promise<string> {
  const error = await call.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!hasCode(error, 'TRANSACTION_FILE_HELD')) throw new Error(`${what}: ${String(error ?? 'it was allowed')}`);
  return `${what}: ${String(error.details.system)}`;
}

/** A program that runs from `path` until it is killed; it says so by a file. */
async function running(path: string): Promise<ChildProcess> {
  copyFileSync(process.execPath, path);
  const up = `${path}.up`;
  const child = spawn(path, ['-e', `require('fs').writeFileSync(${JSON.stringify(up)}, ''); setInterval(() => {}, 1000)`], {
    stdio: 'ignore',
  });
  await until(() => existsSync(up));
  return child;
}

const text = async (path: string): Promise<string> => (await readFile(path)).toString();

export const diskChecks: readonly DiskCheck[] = [
  {
    name: 'a running program can be renamed, not written, replaced or removed',
    async run(folder) {
      const [program, aside] = [join(folder, 'app.exe'), join(folder, 'aside.exe')];
      await writeFile(join(folder, 'next'), 'next');
      return withChild(await running(program), async () => {
        await fileSystem.rename(program, aside);
        const seen = [
          await mustBeHeld('write', impatient.open(aside, 'create')),
          await mustBeHeld('replace', impatient.rename(join(folder, 'next'), aside)),
          await mustBeHeld('remove', impatient.removeFile(aside)),
        ];
        await fileSystem.rename(join(folder, 'next'), program);
        return `renamed and another put in its place; ${seen.join(', ')}`;
      });
    },
  },
  {
    name: 'a file that another process has open is replaced as soon as it is let go',
    async run(folder) {
      const [file, next, up] = ['held.dll', 'next', 'up'].map((name) => join(folder, name)) as [string, string, string];
      await writeFile(file, 'base');
      await writeFile(next, 'target');
      const program = `const fs = require('fs'); fs.openSync(${JSON.stringify(file)}, 'r'); fs.writeFileSync(${JSON.stringify(up)}, ''); setInterval(() => {}, 1000)`;
      const holder = spawn(process.execPath, ['-e', program], { stdio: 'ignore' });
      const seen = await withChild(holder, async () => {
        await until(() => existsSync(up));
        return mustBeHeld('while it is open', impatient.rename(next, file));
      });
      await fileSystem.rename(next, file);
      if ((await text(file)) !== 'target') throw new Error('it holds something else');
      return seen;
    },
  },
  {
    name: 'a read-only file is replaced, moved with its attribute, and removed',
    async run(folder) {
      const [file, next, moved] = ['read-only.cfg', 'next', 'moved.cfg'].map((name) => join(folder, name)) as [
        string,
        string,
        string,
      ];
      await writeFile(file, 'one');
      await chmod(file, 0o444);
      await writeFile(next, 'two');
      await fileSystem.rename(next, file);
      await chmod(file, 0o444);
      await fileSystem.rename(file, moved);
      const mode = statSync(moved).mode & 0o777;
      if (mode !== 0o444) throw new Error(`it has mode ${mode.toString(8)}`);
      await fileSystem.removeFile(moved);
      return existsSync(moved) ? 'it is still there' : 'replaced, moved read-only, removed';
    },
  },
  {
    name: 'a path of 399 characters',
    async run(folder) {
      const rest = 399 - folder.length - 1 - 'file.txt'.length - 1;
      const deep = join(folder, ...`${'d'.repeat(59)}/`.repeat(7).slice(0, rest).replace(/\/$/, 'e').split('/'));
      await fileSystem.makeDirectory(deep);
      const path = join(deep, 'file.txt');
      const handle = await fileSystem.open(path, 'create');
      await handle.write(0, Buffer.from('deep'));
      await handle.sync();
      await handle.close();
      await fileSystem.rename(path, join(deep, 'else.txt'));
      return `${path.length} characters, ${(await fileSystem.stat(join(deep, 'else.txt')))?.bytes} bytes`;
    },
  },
  {
    name: 'names that differ in case only are one file',
    async run(folder) {
      await mkdir(join(folder, 'Notes'));
      await writeFile(join(folder, 'Notes', 'Today.txt'), 'text');
      const found = await fileSystem.stat(join(folder, 'NOTES', 'today.TXT'));
      if (found?.bytes !== 4) throw new Error('the other spelling leads nowhere');
      await fileSystem.rename(join(folder, 'Notes'), join(folder, 'notes'));
      return `folder respelled: ${(await fileSystem.list(folder)).join(', ')}`;
    },
  },
];
