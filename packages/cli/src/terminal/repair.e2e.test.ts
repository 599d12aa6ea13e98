/** `remendo verify` and `remendo repair` as people and scripts run them, against a real server. */
import { appendFile, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exitCodes } from '../exit-codes.js';
import { type Ran, runRemendo, temporaryFolders } from '../testing/run-remendo.js';
import { type RunningServer, startServer } from '../testing/run-server.js';
import { baseFiles, readTree, writeFiles } from '../testing/sample-releases.js';

const makeFolder = temporaryFolders();
let folder: string;
let server: RunningServer;
const root = (): string => join(folder, 'root');

const erp = (...args: readonly string[]): Promise<Ran> =>
  runRemendo(args, {
    environment: { REMENDO_SERVER_URL: server.url, REMENDO_APPLICATION: 'erp', REMENDO_TOKEN: server.token },
  });

beforeAll(async () => {
  folder = await makeFolder();
  await writeFiles(join(folder, 'release'), baseFiles);
  server = await startServer(folder);
  await erp('publish', join(folder, 'release'), '--release', '1.0.0');
  await erp('install', '--root', root());
});
afterAll(async () => {
  await server?.stop();
});

describe('repair', () => {
  const [path = ''] = Object.keys(baseFiles);

  it('shows what is damaged and what it costs, in the language of the person, and leaves it so when asked to', async () => {
    await appendFile(join(root(), path), 'more than there should be');
    const ran = await erp('repair', '--root', root(), '--dry-run', '--lang', 'pt');
    expect(ran.stdout).toMatch(
      new RegExp(`^1\\.0\\.0: com danos: 1 arquivo\\n {2}alterado +${path.replaceAll('.', '\\.')}\\nA baixar: no máximo `),
    );
    expect(ran.code).toBe(exitCodes.install);
    expect((await erp('verify', '--root', root(), '--lang', 'it')).stdout).toContain('danneggiata: 1 file');
  });

  it('puts it in order, also when the install has forgotten what it is, and says so to scripts', async () => {
    for (const own of ['.remendo/manifest.json', '.remendo/state.json', 'version.txt']) await rm(join(root(), own));
    const ran = await erp('repair', '--root', root(), '--json');
    expect(ran.code).toBe(exitCodes.done);
    expect(ran.events().at(-1)).toMatchObject({
      event: 'result',
      outcome: 'repaired',
      version: '1.0.0',
      damaged: [{ path, finding: 'changed' }],
      own: ['manifest.json', 'state.json', 'version.txt'],
      left: [],
    });
    expect(await readTree(root(), ['.remendo', 'version.txt'])).toEqual(await readTree(join(folder, 'release')));
    expect(await readFile(join(root(), '.remendo', 'update.log'), 'utf8')).toContain('"outcome":"repaired"');
    const again = await erp('repair', '--root', root(), '--lang', 'en');
    expect({ code: again.code, stdout: again.stdout }).toEqual({
      code: 0,
      stdout: '1.0.0 is intact; there is nothing to repair.\n',
    });
  });
});
