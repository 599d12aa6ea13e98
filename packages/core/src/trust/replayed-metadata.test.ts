/** Attacks with what was signed once: rollback, freeze, fast-forward, and clocks that are wrong. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createSigningKey } from '../publish/index.js';
import type { SignedRepository } from '../testing/signed-repository.js';
import {
  AttackedTerminal,
  build,
  claim,
  dayMs,
  expectNotLowered,
  expectRefused,
  manifestBin,
  nameEvil,
  startMs,
} from './attacked-terminal.test.support.js';

let terminal: AttackedTerminal;
beforeEach(() => {
  terminal = new AttackedTerminal();
});
afterEach(() => terminal.remove());

const honest = claim('1.1.0');
const unchanged = (): void => {};
const forgeable = ['targets', 'app-erp', manifestBin('1.1.0')];
const moment = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`;

/** The repository at a moment, to be served again: the next timestamp or none, as the attacker has the online key or not. */
const replayOf = (repository: SignedRepository) => {
  const files = new Map(repository.files);
  return () => {
    repository.files.clear();
    for (const [name, bytes] of files) repository.files.set(name, bytes);
  };
};

describe('rollback', () => {
  it('refuses the timestamp of yesterday', async () => {
    const replay = replayOf(terminal.repository);
    terminal.wait(dayMs);
    terminal.repository.renew();
    await expectRefused(terminal, { code: 'TRUST_ROLLBACK', attack: replay, claimed: honest });
  });

  it('refuses the snapshot of yesterday, listed by the online key', async () => {
    const yesterday = terminal.repository.signedOf('snapshot');
    terminal.repository.sign(build('1.2.0'));
    const attack = (repository: SignedRepository) => repository.forge('snapshot', (signed) => Object.assign(signed, yesterday));
    await expectRefused(terminal, { code: 'TRUST_ROLLBACK', attack, claimed: honest });
  });

  it.each(forgeable)('refuses an older version of %s, listed by the online key', async (role) => {
    terminal.repository.forge(role, unchanged);
    const attack = (repository: SignedRepository) =>
      repository.forge('snapshot', ({ meta }) =>
        Object.assign(meta, { [`${role}.json`]: { version: (meta[`${role}.json`]?.version ?? 2) - 1 } }),
      );
    await expectRefused(terminal, { code: 'TRUST_ROLLBACK', attack, claimed: honest });
  });

  it('refuses a snapshot that leaves a role out', async () => {
    const attack = (repository: SignedRepository) => repository.forge('snapshot', ({ meta }) => void delete meta['app-erp.json']);
    await expectRefused(terminal, { code: 'TRUST_INVALID', attack, claimed: honest });
  });

  it('refuses the root of yesterday under the next number', async () => {
    const attack = (repository: SignedRepository) => repository.files.set('2.root.json', repository.shippedRoot);
    await expectRefused(terminal, { code: 'TRUST_ROLLBACK', attack, claimed: honest });
  });

  it('refuses a root that leaves a version out', async () => {
    const attack = (repository: SignedRepository) => {
      repository.forge('root', (signed) => Object.assign(signed, { version: 3 }));
      repository.files.set('2.root.json', repository.files.get('3.root.json') ?? new Uint8Array());
    };
    await expectRefused(terminal, { code: 'TRUST_ROLLBACK', attack, claimed: honest });
  });

  it.each(['deleted', 'emptied', 'torn'] as const)('holds its floors when what it trusted is %s', async (how) => {
    const replay = replayOf(terminal.repository);
    terminal.wait(dayMs);
    terminal.repository.sign(build('1.2.0'));
    await expectRefused(terminal, {
      code: 'TRUST_ROLLBACK',
      claimed: honest,
      attack: async () => {
        replay();
        await terminal.loseMetadata(how);
      },
    });
  });

  it.each(forgeable)('holds the floor of %s when what it trusted is deleted', async (role) => {
    terminal.repository.forge(role, unchanged);
    await expectRefused(terminal, {
      code: 'TRUST_ROLLBACK',
      claimed: honest,
      attack: async (repository) => {
        await terminal.loseMetadata('deleted');
        repository.forge('snapshot', ({ meta }) =>
          Object.assign(meta, { [`${role}.json`]: { version: (meta[`${role}.json`]?.version ?? 2) - 1 } }),
        );
      },
    });
  });

  it('holds the floor of the root when what it trusted is deleted', async () => {
    terminal.repository.rotate({ root: [createSigningKey()] });
    await expectRefused(terminal, {
      code: 'TRUST_ROLLBACK',
      claimed: honest,
      attack: async (repository) => {
        await terminal.loseMetadata('deleted');
        repository.files.delete('2.root.json');
      },
    });
  });

  it('tells a link that fails from a rollback, also when what it trusted is deleted', async () => {
    terminal.repository.rotate({ root: [createSigningKey()] });
    await terminal.verify();
    await terminal.loseMetadata('deleted');
    const isDown = { fetch: () => Promise.reject(new Error('no link')) };
    await expect(terminal.trust({ source: isDown }).refresh()).rejects.toThrow('no link');
    await terminal.verify();
  });

  it('holds what another program has seen meanwhile', async () => {
    const { source } = terminal.repository;
    const overtaken = {
      async fetch(name: string, bytesMax: number) {
        const bytes = await source.fetch(name, bytesMax);
        if (name !== 'timestamp.json') return bytes;
        terminal.repository.renew();
        await terminal.verify();
        return bytes;
      },
    };
    await expect(terminal.trust({ source: overtaken }).refresh()).rejects.toMatchObject({
      code: 'TRUST_ROLLBACK',
      retry: 'backoff',
    });
    const { version } = terminal.repository.signedOf('timestamp');
    expect((await terminal.floors()).timestamp).toBe(version);
    expect((await terminal.kept())?.files.timestamp).toContain(`"version":${version}`);
  });

  it('loses no floor to a role that is called like a part of every object', async () => {
    terminal.repository.forge('snapshot', ({ meta }) => {
      for (const role of ['constructor', 'toString', 'valueOf']) Object.assign(meta, { [`${role}.json`]: { version: 3 } });
    });
    await terminal.verify();
    expect((await terminal.floors()).roles).toMatchObject({ constructor: 3, targets: expect.any(Number) });
  });
});

describe('freeze', () => {
  it('refuses a timestamp that nobody renews', async () => {
    await expectRefused(terminal, { code: 'TRUST_EXPIRED', attack: () => terminal.wait(8 * dayMs), claimed: honest });
  });

  it.each(['timestamp', 'snapshot', ...forgeable])('refuses %s that has expired, whatever else is fresh', async (role) => {
    const attack = (repository: SignedRepository) =>
      repository.forge(role, (signed) => Object.assign(signed, { expires: moment(terminal.nowMs - 1_000) }));
    await expectRefused(terminal, { code: 'TRUST_EXPIRED', attack, claimed: honest });
  });

  it('refuses everything under a root that has expired, and keeps that root', async () => {
    await terminal.verify();
    terminal.repository.forge('root', (signed) => Object.assign(signed, { expires: moment(terminal.nowMs - 1_000) }));
    await expect(terminal.verify()).rejects.toMatchObject({ code: 'TRUST_EXPIRED' });
    expect((await terminal.floors()).root).toBe(2);
    expect((await terminal.kept())?.files.root).toContain('"version":2');
    terminal.repository.forge('root', (signed) => Object.assign(signed, { expires: moment(terminal.nowMs + dayMs) }));
    await terminal.verify();
    expect((await terminal.floors()).root).toBe(3);
  });

  it('takes it for a freeze when newer roots are held back: all ends with the timestamp', async () => {
    await terminal.verify();
    terminal.repository.rotate({ online: createSigningKey() });
    terminal.repository.files.delete('2.root.json');
    await expect(terminal.verify()).rejects.toMatchObject({ code: 'TRUST_INVALID' });
  });
});

describe('fast-forward', () => {
  const highest = Number.MAX_SAFE_INTEGER;

  it.each(['timestamp', 'snapshot', ...forgeable])(
    'recovers from %s with the highest version there is by another online key',
    async (role) => {
      await terminal.verify();
      terminal.repository.forge(role, (signed) => Object.assign(signed, { version: role === 'timestamp' ? highest : highest - 1 }));
      await terminal.verify();
      for (const _time of [1, 2, 3]) terminal.repository.renew();
      await expect(terminal.verify()).rejects.toMatchObject({ code: 'TRUST_ROLLBACK' });
      terminal.repository.rotate({ online: createSigningKey() });
      await terminal.verify();
      const { roles, timestamp, snapshot, root } = await terminal.floors();
      expect(Math.max(timestamp, snapshot, ...Object.values(roles))).toBeLessThan(100);
      expect(root).toBe(2);
    },
  );

  it('recovers from a timestamp that was signed in the year 9000 by another online key', async () => {
    await terminal.verify();
    terminal.repository.forge('timestamp', (signed) => Object.assign(signed, { signed_at: '9000-01-01T00:00:00Z' }));
    await expect(terminal.verify()).rejects.toMatchObject({ code: expect.stringMatching(/TRUST_(CLOCK|EXPIRED)/) });
    await expect(terminal.verify()).rejects.toMatchObject({ code: expect.stringMatching(/TRUST_(CLOCK|EXPIRED)/) });
    terminal.repository.rotate({ online: createSigningKey() });
    await terminal.verify();
    expect((await terminal.floors()).signedAtMs).toBeLessThan(startMs + dayMs);
  });
});

describe('clocks', () => {
  it('refuses old metadata also when the clock is set back to its time', async () => {
    await terminal.verify();
    const replay = replayOf(terminal.repository);
    terminal.wait(30 * dayMs);
    terminal.repository.renew();
    await terminal.verify();
    replay();
    await terminal.loseMetadata('deleted');
    terminal.nowMs = startMs + 60_000;
    await expect(terminal.verify()).rejects.toMatchObject({ code: 'TRUST_EXPIRED' });
  });

  it('says what to do when the clock is more than a day before the time that was signed', async () => {
    await terminal.verify();
    const before = await terminal.floors();
    terminal.nowMs = Date.parse('2015-01-01T00:00:00Z');
    const refused = { code: 'TRUST_CLOCK', message: expect.stringMatching(/2015-01-01.*far before 2026-11-22.*: set the clock$/) };
    await expect(terminal.verify()).rejects.toMatchObject(refused);
    expectNotLowered(before, await terminal.floors());
    terminal.nowMs = startMs - 23 * 3_600_000;
    await terminal.verify();
  });

  it('says what to do when the clock is more than a year ahead', async () => {
    await terminal.verify();
    terminal.nowMs = Date.parse('2032-01-01T00:00:00Z');
    const refused = {
      code: 'TRUST_CLOCK',
      message: expect.stringMatching(/2032-01-01.*far ahead of 2026-11-22.*: set the clock, or/),
    };
    await expect(terminal.verify()).rejects.toMatchObject(refused);
    terminal.nowMs = startMs + 120_000;
    await terminal.verify();
  });

  it('calls it expired when the clock is a month ahead: that may be true', async () => {
    await terminal.verify();
    terminal.nowMs += 30 * dayMs;
    await expect(terminal.verify()).rejects.toMatchObject({ code: 'TRUST_EXPIRED' });
  });
});

describe('a terminal that was away', () => {
  const rotateOften = (): void => {
    for (let rotation = 0; rotation < 5; rotation++) {
      terminal.wait(72 * dayMs);
      terminal.repository.rotate({ root: [createSigningKey()], ...(rotation % 2 === 0 ? { online: createSigningKey() } : {}) });
    }
  };

  it('comes back after a year through five other roots', async () => {
    await terminal.verify();
    rotateOften();
    terminal.repository.sign(build('1.2.0'));
    await terminal.verify(claim('1.2.0'));
    expect((await terminal.floors()).root).toBe(6);
  });

  it('comes back when every root on the way has expired, the shipped one too', async () => {
    const isOver = (signed: object) => void Object.assign(signed, { expires: moment(startMs + dayMs) });
    for (let version = 2; version < 6; version++) terminal.repository.forge('root', isOver);
    terminal.wait(800 * dayMs);
    for (const role of ['targets', 'app-erp', ...terminal.repository.offline.roles.keys()]) {
      terminal.repository.forge(role, (signed) => Object.assign(signed, { expires: moment(terminal.nowMs + dayMs) }));
    }
    const isFresh = (signed: object) => void Object.assign(signed, { expires: moment(terminal.nowMs + dayMs) });
    for (const role of ['snapshot', 'timestamp']) terminal.repository.forge(role, isFresh);
    await expect(terminal.verify()).rejects.toMatchObject({ code: expect.stringMatching(/TRUST_(CLOCK|EXPIRED)/) });
    terminal.repository.forge('root', isFresh);
    await terminal.verify();
    expect((await terminal.floors()).root).toBe(6);
  });

  it('walks 256 roots at a time, and keeps each', async () => {
    for (let version = 2; version <= 300; version++) terminal.repository.forge('root', unchanged);
    await terminal.trust().refresh();
    expect((await terminal.floors()).root).toBe(257);
    await terminal.trust().refresh();
    expect((await terminal.floors()).root).toBe(300);
  });

  it('keeps the roots it walked when the link breaks on the way', async () => {
    rotateOften();
    const { source } = terminal.repository;
    const breaking = {
      fetch: (name: string, bytesMax: number) =>
        name === '5.root.json' ? Promise.reject(new Error('no link')) : source.fetch(name, bytesMax),
    };
    await expect(terminal.trust({ source: breaking }).refresh()).rejects.toThrow('no link');
    expect((await terminal.floors()).root).toBe(4);
    terminal.repository.fetched.length = 0;
    await terminal.trust().refresh();
    expect(terminal.repository.fetched[0]?.name).toBe('5.root.json');
  });
});

describe('stolen keys, as many as a role needs', () => {
  it('are believed until the targets name others, and not from then on', async () => {
    const evil = claim('1.1.0', { word: 'evil' });
    const stolen = terminal.repository.keys.application;
    terminal.repository.sign(build('1.1.0', { word: 'evil' }));
    await terminal.verify(evil);
    terminal.repository.hand('erp', [createSigningKey()]);
    terminal.repository.sign(build('1.1.0'));
    await terminal.verify();
    await expectRefused(terminal, { code: 'TRUST_INVALID', attack: (repository) => nameEvil(repository, stolen) });
  });

  it('are believed until the root names others, when they were those of the targets', async () => {
    const { repository } = terminal;
    const stolen = repository.keys.targets;
    const honestKeys = repository.keys.application;
    repository.hand('erp', [createSigningKey()]);
    repository.sign(build('1.1.0', { word: 'evil' }));
    await terminal.verify(claim('1.1.0', { word: 'evil' }));
    repository.rotate({ targets: [createSigningKey()] });
    repository.hand('erp', honestKeys);
    repository.sign(build('1.1.0'));
    await terminal.verify();
    await expectRefused(terminal, { code: 'TRUST_INVALID', attack: () => repository.forge('targets', unchanged, stolen) });
  });
});
