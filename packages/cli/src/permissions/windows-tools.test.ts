/** How the programs of Windows are run, with stand-ins for them: scripts that keep what they were given. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { temporaryFolders } from '../testing/run-remendo.js';
import { windowsTools } from './windows-tools.js';

const makeFolder = temporaryFolders();
const standIn = `#!${process.execPath}
const { writeFileSync } = require('node:fs');
const args = process.argv.slice(2);
writeFileSync(__dirname + '/given.json', JSON.stringify({ args, names: Object.keys(process.env) }));
if (args.includes('/save')) writeFileSync(args[args.indexOf('/save') + 1], Buffer.from('erp\\r\\nD:P(A;;FA;;;SY)\\r\\n', 'utf16le'));
if (args.includes('/fo')) console.log('"SYSTEM","S-1-5-18"');
if (args.includes('/remove:g')) process.exit(5);
`;

describe.skipIf(process.platform === 'win32')('the programs of Windows', () => {
  let system: string;
  const given = async () =>
    JSON.parse(await readFile(join(system, 'System32', 'given.json'), 'utf8')) as {
      readonly args: string[];
      readonly names: string[];
    };

  beforeEach(async () => {
    system = await makeFolder();
    await mkdir(join(system, 'System32'));
    for (const name of ['icacls.exe', 'whoami.exe']) await writeFile(join(system, 'System32', name), standIn, { mode: 0o755 });
    vi.stubEnv('SystemRoot', system);
    vi.stubEnv('REMENDO_API_SECRET', 'secret-of-a-customer');
  });
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  it('are those of the system, with arguments as they are and without secrets', async () => {
    await windowsTools().icacls(['C:\\Padaria São João & Cia', '/grant:r', '*S-1-5-18:(OI)(CI)F']);
    const { args, names } = await given();
    expect(args).toEqual(['C:\\Padaria São João & Cia', '/grant:r', '*S-1-5-18:(OI)(CI)F']);
    expect(names.filter((name) => name.startsWith('REMENDO_'))).toEqual([]);
  });

  it('tell who runs this program, and what a list says, by a file that is gone afterwards', async () => {
    expect(await windowsTools().whoAmI()).toContain('S-1-5-18');
    const saved = await windowsTools().saveAccessList('C:\\erp');
    expect(Buffer.from(saved).toString('utf16le')).toContain('D:P(A;;FA;;;SY)');
    const { args } = await given();
    expect(args.slice(0, 2)).toEqual(['C:\\erp', '/save']);
    await expect(readFile(args[2] ?? '')).rejects.toThrow('ENOENT');
  });

  it('that fail or are missing are told by their names and codes', async () => {
    await expect(windowsTools().icacls(['C:\\erp', '/remove:g', '*S-1-1-0'])).rejects.toThrow('icacls.exe did not succeed (5)');
    vi.stubEnv('SystemRoot', join(system, 'nothing'));
    await expect(windowsTools().whoAmI()).rejects.toThrow('whoami.exe did not succeed (ENOENT)');
  });
});
