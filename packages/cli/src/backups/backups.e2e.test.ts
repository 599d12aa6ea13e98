/** `remendo backups` as people and scripts run it. */
import { mkdir, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { exitCodes } from '../exit-codes.js';
import { runRemendo, temporaryFolders } from '../testing/run-remendo.js';
import { hourMs, zipOf } from './backups.test.support.js';

const newFolder = temporaryFolders();

async function newTerminal(more: object = {}) {
  const top = await newFolder();
  const [root, folder] = [join(top, 'erp'), join(top, 'backups')];
  await mkdir(join(root, '.remendo'), { recursive: true });
  await mkdir(folder);
  // How full this machine is says nothing about its backups here.
  const freeBytesMin = 0;
  const backups = {
    jobs: [
      { name: 'database', folder, freeBytesMin, ...more },
      { name: 'nas', folder: join(top, 'nas'), freeBytesMin },
    ],
  };
  await writeFile(join(root, '.remendo', 'remendo.config.json'), JSON.stringify({ backups }));
  const put = async (name: string, bytes: Uint8Array, ageMs = hourMs): Promise<void> => {
    await writeFile(join(folder, name), bytes);
    const time = (Date.now() - ageMs) / 1_000;
    await utimes(join(folder, name), time, time);
  };
  const run = (...args: readonly string[]) => runRemendo(['backups', ...args, '--root', root], { environment: { LC_ALL: 'C' } });
  return { root, folder, put, run };
}

describe('remendo backups', () => {
  it('check shows every backup, what is wrong with it, and ends with 33 when one fails', async () => {
    const { run, put, root } = await newTerminal();
    await put('db.zip', zipOf(1_000_000));
    const all = await run('check');
    expect(all.code).toBe(exitCodes.backup);
    expect(
      all.stdout
        .replace(/\d{1,2} [A-Z][a-z]{2,3} \d{4}, \d\d:\d\d/g, 'TIME')
        .replaceAll(root, 'ROOT')
        .split('\n'),
    ).toEqual([
      expect.stringMatching(/^job +state +since +newest backup +size +copies +checked$/),
      expect.stringMatching(/^database +ok +TIME +db\.zip \(1 hour( \d+ minutes?)? ago\) +1\.00 MB +1 +TIME$/),
      expect.stringMatching(/^nas +there is no backup folder +TIME +none +0 +TIME$/),
      '',
      expect.stringMatching(/^nas: The folder .*nas is not there, or the machine it is on is not \(ENOENT\)\.$/),
      '',
      '1 backup fails.',
      '',
    ]);
    const one = await run('check', 'database', '--json');
    expect(one.code).toBe(exitCodes.done);
    expect(one.json()).toMatchObject({
      failing: 0,
      undelivered: [],
      jobs: [{ job: 'database', state: 'ok', newest: { name: 'db.zip' } }],
    });
  });

  it('list shows the last look in the language of whoever asks, and looks at nothing', async () => {
    const { run, put } = await newTerminal();
    expect((await run('list', '--lang', 'it')).stdout).toContain('non ancora controllato');
    await put('db.zip', zipOf(100).subarray(1));
    expect((await run('check', '--lang', 'pt')).stdout).toMatch(/database: db\.zip é um zip danificado.*2 backups com problema\./s);
    await put('db.zip', zipOf(100));
    const listed = await run('list', '--lang', 'it');
    expect([listed.code, listed.stdout]).toEqual([exitCodes.done, expect.stringContaining('il backup è danneggiato')]);
  });

  it('accept takes a smaller size as the usual one', async () => {
    const { run, put } = await newTerminal();
    await put('db.zip', zipOf(100_000));
    await run('check', 'database');
    await put('db.zip', zipOf(1_000));
    const shrunk = await run('check', 'database', '--json');
    expect([shrunk.code, shrunk.json()]).toMatchObject([exitCodes.backup, { jobs: [{ state: 'shrunk' }] }]);
    const accepted = await run('accept', 'database');
    expect([accepted.code, accepted.stdout]).toEqual([exitCodes.done, expect.stringContaining('database: from now on 1.1')]);
  });

  it('without backups, or with one that nobody knows, is a wrong use', async () => {
    const { run, root } = await newTerminal();
    const unknown = await run('check', 'bogus');
    expect([unknown.code, unknown.stderr]).toEqual([exitCodes.usage, expect.stringContaining('it has database, nas')]);
    await writeFile(join(root, '.remendo', 'remendo.config.json'), '{}');
    expect([(await run('list')).code]).toEqual([exitCodes.usage]);
  });
});
