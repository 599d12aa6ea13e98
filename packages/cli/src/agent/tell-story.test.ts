import { stripVTControlCharacters } from 'node:util';
import { expect, it } from 'vitest';
import { languages } from '../language.js';
import type { UpdateLogEntry } from '../terminal/update-log.js';
import { tellStory } from './tell-story.js';
import { whyLines } from './why-lines.js';

let minute = 0;
const line = (event: string, fields: object = {}, command = 'agent'): UpdateLogEntry => ({
  time: new Date(Date.UTC(2026, 10, 22, 10, minute++)).toISOString(),
  command,
  pid: 1,
  event,
  ...fields,
});

const plan = (version: string, label = 'chain 1.0.0 → 1.0.1') =>
  line('plan_chosen', {
    application: 'erp',
    platform: 'any',
    base: '1.0.0',
    version,
    zip_bytes: 9_000_000,
    label,
    cost: { fetch_bytes: 12_345, requests: 2, cost_bytes: 13_000 },
    losers: [{ label: 'full zip', cost_bytes: 9_000_000, reason: 'dearer' }],
  });

const available = () => line('checked', { outcome: 'available', version: '1.0.1', installed: '1.0.0' });
const shown = (entries: readonly UpdateLogEntry[], language: (typeof languages)[number] = 'en'): string => {
  const facts = { installed: '1.0.0', blocked: [], story: tellStory(entries), license: null, events: 0 };
  return stripVTControlCharacters(whyLines({ language }, facts).join('\n'));
};

it('tells which plan was chosen, what lost, what was fetched, and how it ended', () => {
  const text = shown([
    available(),
    plan('1.0.1'),
    line('staged', { fetched_bytes: 12_345 }),
    line('committed', { version: '1.0.1' }),
    line('confirmed', { version: '1.0.1' }),
  ]);
  expect(text).toMatch(/last update .*by agent: 1\.0\.0 → 1\.0\.1, done/);
  expect(text).toMatch(/fetched +12\.3 kB; the full zip would have been 9\.00 MB/);
  expect(text).toMatch(/full zip .* dearer/);
});

it('tells every plan that did not work out and every file that was fetched whole, each with its reason', () => {
  const { attempt } = tellStory([
    plan('1.0.1'),
    line('plan_failed', { label: 'chain', reason: 'the patch is broken', next: 'full zip' }),
    line('content_healed', { path: 'bin/app.exe', reason: 'it had been changed', fetched_bytes: 7 }),
    line('step_ended', { phase: 'before', name: 'stop the service', failure: 'exit code 3' }),
    line('update_failed', { code: 'STEP_FAILED', message: 'stop the service failed' }),
  ]);
  expect(attempt).toMatchObject({
    state: 'failed',
    fallbacks: [{ label: 'chain', code: null, reason: 'the patch is broken', next: 'full zip' }],
    healed: [{ path: 'bin/app.exe', code: null, reason: 'it had been changed', fetchedBytes: 7 }],
    steps: [{ name: 'stop the service', phase: 'before', failure: 'exit code 3' }],
    failure: { code: 'STEP_FAILED', message: 'stop the service failed' },
  });
});

it('tells why nothing was installed: not offered, a window, a hold, a gate, a version that did not come up', () => {
  expect(shown([line('checked', { outcome: 'not_offered', reason: 'not_in_rollout' })])).toContain(
    'nothing was offered (the newest release has not come to this terminal yet)',
  );
  expect(
    shown([available(), plan('1.0.1'), line('update_waits', { reason: 'install_window', until: '2026-11-23T03:00:00.000Z' })]),
  ).toMatch(/waits +for the install window, looks again 23 Nov 2026/);
  expect(shown([available(), line('update_waits', { reason: 'on_hold', until: null })])).toMatch(
    /waits +the application asked to wait/,
  );
  expect(shown([available(), line('update_failed', { code: 'BACKUP_MISSING', message: 'no backup' })])).toMatch(
    /refused .*BACKUP_MISSING: no backup/,
  );
  expect(shown([plan('1.0.1'), line('rolled_back', { version: '1.0.1', reason: 'exit code 7' })])).toContain(
    'rolled back: exit code 7',
  );
});

it('what was downloaded and then installed is one attempt, with the plan that it was downloaded by', () => {
  const again = { ...plan('1.0.1'), cost: { fetch_bytes: 0, requests: 0, cost_bytes: 0 }, losers: [] };
  const { attempt } = tellStory([plan('1.0.1'), line('update_prepared', { version: '1.0.1' }), again, line('staged')]);
  expect(attempt).toMatchObject({ state: 'installing', plan: { fetchBytes: 12_345 }, losers: [{ label: 'full zip' }] });
});

it('what is over is not told as if it were: a later check, plan or end takes its place', () => {
  const entries = [
    available(),
    line('update_waits', { reason: 'on_hold' }),
    line('update_failed', { code: 'BACKUP_MISSING', message: 'x' }),
  ];
  expect(tellStory([...entries, line('checked', { outcome: 'up_to_date' })])).toMatchObject({ wait: null, refusal: null });
  expect(tellStory([...entries, plan('1.0.1')])).toMatchObject({ wait: null, refusal: null });
  const ended = tellStory([
    plan('1.0.1'),
    line('confirmed', { version: '1.0.1' }),
    line('command_failed', { code: 'LIMIT_RATE', message: 'x' }),
  ]);
  expect(ended).toMatchObject({ attempt: { state: 'completed' }, refusal: { code: 'LIMIT_RATE' } });
});

it('tells what was fetched for an update by all its rounds, and by nothing that came after it', () => {
  const rounds = [
    available(),
    plan('1.0.1'),
    line('update_prepared', { version: '1.0.1', fetched_bytes: 10_000 }),
    available(),
    plan('1.0.1'),
    line('staged', { fetched_bytes: 300 }),
    line('confirmed', { version: '1.0.1' }),
  ];
  expect(tellStory(rounds).attempt).toMatchObject({ fetchedBytes: 10_300, state: 'completed' });
  const later = [
    line('command_started', {}, 'install'),
    line('command_ended', { outcome: 'up_to_date', version: '1.0.1', fetched_bytes: 640 }, 'install'),
    line('command_ended', { outcome: 'repaired', version: '1.0.1', fetched_bytes: 4_000 }, 'repair'),
  ];
  expect(tellStory([...rounds, ...later])).toMatchObject({
    attempt: { fetchedBytes: 10_300 },
    check: { command: 'install', outcome: 'up_to_date' },
  });
  const byHand = [
    plan('1.0.1'),
    line('staged', { fetched_bytes: 500 }, 'install'),
    line('command_ended', { outcome: 'updated', version: '1.0.1', fetched_bytes: 700 }, 'install'),
  ];
  expect(tellStory(byHand).attempt?.fetchedBytes).toBe(700);
  expect(shown([plan('1.0.1')])).toMatch(/to fetch +12\.3 kB/);
});

it('tells what became of an update that was cut short, and of another one that is undone', () => {
  const recovered = (outcome: string, fields: object = {}) =>
    tellStory([plan('1.0.1'), line('staged'), line('recovered', { outcome, ...fields })]).attempt;
  expect(recovered('rolled-back', { reason: 'it was cut short while steps ran' })).toMatchObject({
    state: 'rolled_back',
    failure: { message: 'it was cut short while steps ran' },
  });
  expect(recovered('discarded')).toMatchObject({ state: 'failed', failure: { message: 'it was cut short' } });
  expect(recovered('rolled-forward')).toMatchObject({ state: 'committed', endedAt: null });
  const other = [plan('1.0.1'), line('confirmed', { version: '1.0.1' }), line('rolled_back', { version: '1.0.0', reason: 'x' })];
  expect(tellStory(other).attempt).toMatchObject({ state: 'completed', failure: null });
});

it('tells that an update was interrupted, and goes on with it as the same one', () => {
  const interrupted = [plan('1.0.1'), line('command_failed', { code: null, message: 'interrupted by SIGTERM' })];
  expect(shown(interrupted, 'pt')).toContain('interrompida por SIGTERM; continua na próxima vez');
  const { attempt, refusal } = tellStory([...interrupted, available(), plan('1.0.1'), line('staged', { fetched_bytes: 500 })]);
  expect([attempt?.fetchedBytes, attempt?.state, attempt?.failure, refusal]).toEqual([500, 'installing', null, null]);
});

it('what is prepared stays so, whatever fails while it waits', () => {
  const prepared = [available(), plan('1.0.1'), line('update_prepared', { version: '1.0.1', fetched_bytes: 1_000 })];
  for (const [event, command] of [
    ['command_failed', 'check'],
    ['update_failed', 'agent'],
  ] as const) {
    const failed = line(event, { state: 'failed', code: 'DOWNLOAD_FAILED', message: 'the link is down' }, command);
    expect(tellStory([...prepared, failed])).toMatchObject({
      attempt: { state: 'prepared', failure: null },
      refusal: { code: 'DOWNLOAD_FAILED' },
    });
  }
});

it('tells the failure that undid an update once, with its code', () => {
  const story = tellStory([
    plan('1.0.1'),
    line('rolled_back', { version: '1.0.1', reason: 'Migrate: it ended with exit code 3' }),
    line('command_failed', { code: 'STEP_FAILED', message: 'Migrate: it ended with exit code 3' }),
  ]);
  expect(story).toMatchObject({ refusal: null, attempt: { state: 'rolled_back', failure: { code: 'STEP_FAILED' } } });
});

it('tells who is waited for, and what became of the agent itself', () => {
  const waits = line('update_waits', { reason: 'in_use', until: null, detail: 'C:\\erp.exe (7) runs from the install root' });
  expect(shown([available(), waits], 'pt')).toContain('em uso na pasta de instalação: C:\\erp.exe (7)');
  const replaced = line('agent_replaced', { base: '0.1.0', version: '0.2.0' });
  expect(shown([replaced])).toMatch(/agent itself .*0\.1\.0 → 0\.2\.0, in place; a round/);
  expect(shown([replaced, line('agent_confirmed', { version: '0.2.0' })])).toMatch(/0\.1\.0 → 0\.2\.0, done/);
  const back = line('agent_rolled_back', { version: '0.2.0', reason: 'it was started 3 times without a healthy round' });
  expect(shown([replaced, back], 'it')).toContain('annullato: è stata avviata 3 volte senza portare a termine un giro');
  const unfit = line('agent_update_failed', {
    code: 'START_FAILED',
    message: 'version 0.3.0 of the agent is not fit to run here: x',
  });
  expect(shown([unfit], 'pt')).toContain('START_FAILED: a versão 0.3.0 do agente não serve para esta máquina: x');
});

it('speaks three languages, and passes on nothing that a screen would obey', () => {
  const hostile = [
    available(),
    plan('1.0.1', '\u001b[2Jwipe'),
    line('rolled_back', { version: '1.0.1', reason: '\u001b]0;title\u0007' }),
  ];
  const texts = languages.map((language) =>
    whyLines({ language }, { installed: null, blocked: ['1.0.1'], story: tellStory(hostile), license: null, events: 2 }).join('\n'),
  );
  expect(new Set(texts).size).toBe(3);
  for (const text of texts) expect(text.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u);
});

it('is not put off by lines that say what no program of ours would say', () => {
  const odd = line('plan_chosen', { version: 5, cost: null, losers: [null, 1, 'a', [], { label: 7 }], base: {} });
  const text = shown([available(), odd, line('plan_failed', { label: [], reason: null }), line('step_ended', { name: 1 })]);
  expect(text).toContain('last check');
});
