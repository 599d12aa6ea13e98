/** Releases as operators change them: the real command against the real server. Each test has an application of its own. */
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { exitCodes } from '../exit-codes.js';
import { type Ran, type RunOptions, runRemendo, temporaryFolders } from '../testing/run-remendo.js';
import { type RunningServer, startServer } from '../testing/run-server.js';
import { writeFiles } from '../testing/sample-releases.js';

const makeFolder = temporaryFolders();
let server: RunningServer;
let build: string;

beforeAll(async () => {
  const folder = await makeFolder();
  build = await writeFiles(join(folder, 'build'), { 'app.txt': Buffer.from('an application') });
  server = await startServer(folder);
});
afterAll(async () => {
  await server?.stop();
});

function remendo(application: string, args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const environment = { REMENDO_SERVER_URL: server.url, REMENDO_APPLICATION: application, REMENDO_TOKEN: server.token };
  return runRemendo(args, { ...options, environment: { ...environment, ...options.environment } });
}

const publish = async (application: string, version: string, ...options: readonly string[]): Promise<Ran> => {
  const ran = await remendo(application, ['publish', build, '--release', version, '--json', ...options]);
  expect(ran.stderr).not.toContain('error');
  return ran;
};

/** The newest release of a terminal without an account, as the server offers it. */
async function offered(application: string): Promise<unknown> {
  const response = await fetch(new URL(`/api/v1/updates/check?application=${application}`, server.url));
  return ((await response.json()) as { latest_version: unknown }).latest_version;
}

async function audited(subject: string): Promise<unknown> {
  const url = new URL('/api/v1/audit?limit=500', server.url);
  const response = await fetch(url, { headers: { authorization: `Bearer ${server.token}` } });
  const { events } = (await response.json()) as { events: { action: string; reason: string; subject: string }[] };
  return events
    .filter((event) => event.subject === subject)
    .map(({ action, reason }) => [action, reason])
    .reverse();
}

describe('remendo releases', () => {
  it('takes a release from draft over testing to published, to deprecated and to withdrawn', async () => {
    const drafted = await publish('life', '1.0.0', '--state', 'draft');
    expect(drafted.json()).toMatchObject({ release: { state: 'draft', released_at: null } });
    const tested = await remendo('life', ['releases', 'test', '1.0.0', '--rings', 'lab', '--json']);
    expect(tested.json()).toMatchObject({ release: { state: 'testing' }, rollout: { rings: ['lab'] } });
    expect(await offered('life')).toBeNull();
    const published = await remendo('life', ['releases', 'publish', 'v1.0.0', '--reason', 'the lab is content']);
    expect(published.stdout).toBe('life 1.0.0 is published for 100 % of terminals, running.\n');
    expect(await offered('life')).toBe('1.0.0');
    expect((await remendo('life', ['releases', 'deprecate', '1.0.0'])).stdout).toContain('life 1.0.0 is deprecated');
    expect((await remendo('life', ['releases', 'withdraw', '1.0.0', '--yes'])).stdout).toContain('life 1.0.0 is withdrawn');
    expect(await offered('life')).toBeNull();
    expect(await audited('life 1.0.0')).toEqual(
      expect.arrayContaining([
        ['release_testing', 'by remendo releases test'],
        ['rollout_changed', 'by remendo releases test'],
        ['release_published', 'the lab is content'],
        ['release_deprecated', 'by remendo releases deprecate'],
        ['release_withdrawn', 'by remendo releases withdraw'],
      ]),
    );
  });

  it('a state that a release can not go into ends with the exit code of releases, and says which it can', async () => {
    await publish('ways', '1.0.0');
    const ran = await remendo('ways', ['releases', 'test', '1.0.0', '--rings', 'lab', '--json']);
    expect(ran.code).toBe(exitCodes.release);
    expect(ran.events()).toMatchObject([{ event: 'error', code: 'RELEASE_STATE' }]);
    expect(ran.stderr).toContain('A published release can not become testing, only deprecated or withdrawn');
    const shown = await remendo('ways', ['releases', 'rollout', '1.0.0', '--json']);
    expect(shown.json()).toMatchObject({ rings: [] });
  });

  it('where nobody can be asked, a release is withdrawn with --yes only', async () => {
    await publish('kept', '1.0.0');
    const ran = await remendo('kept', ['releases', 'withdraw', '1.0.0']);
    expect(ran.code).toBe(exitCodes.usage);
    expect(ran.stderr).toContain('--yes');
    expect(await offered('kept')).toBe('1.0.0');
  });

  it('lists releases with the channels that point to them, and promotes one', async () => {
    await publish('list', '1.0.0');
    await publish('list', '1.1.0', '--share', '5%');
    const args = ['releases', 'list', '--json'];
    const newest = [
      { application: 'list', channel: 'development', version: '1.1.0' },
      { application: 'list', channel: 'stable', version: '1.1.0' },
    ];
    expect((await remendo('list', args)).json()).toMatchObject({
      releases: [{ version: '1.1.0', rollout: { share: 500, state: 'running' } }, { version: '1.0.0' }],
      channels: newest,
    });
    expect((await remendo('list', ['releases', 'promote', '1.0.0', '--channel', 'stable'])).code).toBe(0);
    const listed = await remendo('list', ['releases', 'list']);
    expect(listed.stdout).toMatch(/^1\.1\.0 .*5 %\s+development /m);
    expect(listed.stdout).toMatch(/^1\.0\.0 .*100 %\s+stable /m);
    const none = await remendo('list', ['releases', 'promote', '3.0.0', '--channel', 'stable']);
    expect(none.code).toBe(exitCodes.release);
  });

  it('changes a rollout, leaves what is not named, and shows how it fares', async () => {
    await publish('wide', '1.0.0', '--share', '1%', '--groups', 'south', '--rings', 'lab,pilot');
    const change = ['--share', '12.5%', '--halt-rate', '0.1', '--pause', '--reason', 'wait for Monday'];
    expect((await remendo('wide', ['releases', 'rollout', '1.0.0', ...change])).code).toBe(0);
    const shown = await remendo('wide', ['releases', 'rollout', '1.0.0', '--json']);
    expect(shown.json()).toMatchObject({
      share: 1_250,
      state: 'paused',
      groups: ['south'],
      rings: ['lab', 'pilot'],
      halt_rule: { failure_rate_max: 0.1, attempts_min: 10 },
      outcomes: { attempts: 0 },
    });
    const resumed = await remendo('wide', ['releases', 'rollout', '1.0.0', '--resume', '--groups', '']);
    expect(resumed.stdout).toMatch(/rollout +12\.5 % of terminals, running\ngroups +all\nrings +lab, pilot\nattempts +none yet/);
  });

  it('shows one release with its rollout, also under its four-part version', async () => {
    await publish('parts', '1.2.3.4', '--changelog', 'First line\nSecond line', '--floor', '--mandatory');
    const shown = await remendo('parts', ['releases', 'show', '1.2.3.4']);
    expect(shown.stdout).toMatch(/release +parts 1\.2\.3\.4\n/);
    expect(shown.stdout).toMatch(/type +stable, mandatory, floor\n/);
    expect(shown.stdout).toMatch(/changelog +First line\n +Second line\n/);
    const rollout = await remendo('parts', ['releases', 'rollout', '1.2.3.4', '--share', '50%', '--json']);
    expect(rollout.json()).toMatchObject({ share: 5_000 });
  });

  it('what does not exist, or is no version, ends with the exit code that says so', async () => {
    await publish('there', '1.0.0');
    for (const args of [
      ['show', '9.9.9'],
      ['publish', '9.9.9'],
      ['rollout', '9.9.9'],
      ['rollout', '9.9.9', '--pause'],
      ['show', 'latest'],
    ]) {
      expect([args, (await remendo('there', ['releases', ...args])).code]).toEqual([args, exitCodes.release]);
    }
    expect((await remendo('nowhere', ['releases', 'show', '1.0.0'])).code).toBe(exitCodes.application);
  });

  it('a token that is none may not look, and a viewer may look and change nothing', async () => {
    await publish('seen', '1.0.0');
    const unknown = { environment: { REMENDO_TOKEN: 'a-token-of-nobody-at-all' } };
    expect((await remendo('seen', ['releases', 'list'], unknown)).code).toBe(exitCodes.auth);
    const viewer = { environment: { REMENDO_TOKEN: await makeViewer() } };
    expect((await remendo('seen', ['releases', 'list'], viewer)).code).toBe(0);
    for (const args of [
      ['deprecate', '1.0.0'],
      ['rollout', '1.0.0', '--pause'],
      ['promote', '1.0.0', '--channel', 'stable'],
    ]) {
      const ran = await remendo('seen', ['releases', ...args], viewer);
      expect([args, ran.code]).toEqual([args, exitCodes.auth]);
    }
    expect(await offered('seen')).toBe('1.0.0');
  });
});

async function makeViewer(): Promise<string> {
  const headers = { authorization: `Bearer ${server.token}`, 'content-type': 'application/json' };
  const send = (path: string, body: object): Promise<Response> =>
    fetch(new URL(path, server.url), { method: 'POST', headers, body: JSON.stringify(body) });
  await send('/api/v1/operators', { name: 'vera', role: 'viewer' });
  return ((await (await send('/api/v1/operators/vera/tokens', { name: 'laptop' })).json()) as { token: string }).token;
}

describe('remendo publish', () => {
  it('takes requirements and who may have a new application, and refuses what it can not read before it sends anything', async () => {
    await publish('needs', '1.0.0', '--requires', 'php=>=8.2', '--requires', 'disk_bytes=1000000', '--access', 'licensed');
    const asked = await fetch(new URL('/api/v1/updates/check?application=needs', server.url));
    expect(asked.status).toBe(401);
    const wrong = await remendo('needs', ['publish', build, '--release', '1.0.1', '--requires', 'php', '--share', '200%']);
    expect(wrong.code).toBe(exitCodes.usage);
    expect(wrong.stderr).toContain('--requires php must be a name and a range');
    expect(wrong.stderr).toContain('--share must be a share');
  });
});
