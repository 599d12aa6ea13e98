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
    line('staged'),
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
    fallbacks: [{ label: 'chain', reason: 'the patch is broken', next: 'full zip' }],
    healed: [{ path: 'bin/app.exe', reason: 'it had been changed', fetchedBytes: 7 }],
    steps: [{ name: 'stop the service', phase: 'before', failure: 'exit code 3' }],
    failure: { code: 'STEP_FAILED', message: 'stop the service failed' },
  });
});

it('tells why nothing was installed: not offered, a window, a hold, a gate, a version that did not come up', () => {
  expect(shown([line('checked', { outcome: 'not_offered', reason: 'not_in_rollout' })])).toContain(
    'nothing was offered (not_in_rollout)',
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
