import { describe, expect, it } from 'vitest';
import { parseNames, parseRolloutChange, parseShare } from './parse-rollout.js';

describe('a share', () => {
  it.each([
    ['25%', 2_500],
    ['0.5%', 50],
    ['0.01 %', 1],
    ['100%', 10_000],
    ['0%', 0],
    ['2500/10000', 2_500],
    ['12.55%', 1_255],
  ])('%s is %i of 10,000', (text, share) => expect(parseShare(text)).toBe(share));

  it.each(['25', '100.01%', '101%', '-1%', '10001/10000', '1/4', '0.001%', '', '%', '1e2%'])('%j is none', (text) => {
    expect(() => parseShare(text)).toThrow('must be a share such as 25%, 0.5% or 2500/10000');
  });
});

describe('a change of a rollout', () => {
  it('holds what was named, and nothing else', () => {
    expect(parseRolloutChange({ share: '25%', rings: 'lab, pilot', resume: true, haltAttempts: '20' })).toEqual({
      share: 2_500,
      rings: ['lab', 'pilot'],
      state: 'running',
      halt_rule: { attempts_min: 20 },
    });
    expect(parseRolloutChange({ groups: '' })).toEqual({ groups: [] });
    expect(parseRolloutChange({ haltRate: '0', haltRollbacks: '0' })).toEqual({
      halt_rule: { failure_rate_max: 0, rollback_votes_max: 0 },
    });
  });

  it('is none where nothing is named', () => expect(parseRolloutChange({})).toBeNull());

  it('tells everything that is wrong at once', () => {
    const options = { share: 'half', haltRate: '5%', haltAttempts: '0', haltRollbacks: '1000001' };
    expect(() => parseRolloutChange(options)).toThrow(
      expect.objectContaining({
        code: 'CONFIG_INVALID',
        details: {
          problems: [
            '--halt-rate must be a rate from 0 to 1, such as 0.05',
            '--halt-attempts must be a whole number from 1 to 1000000',
            '--halt-rollbacks must be a whole number from 0 to 1000000',
            '--share must be a share such as 25%, 0.5% or 2500/10000',
          ],
        },
      }),
    );
  });
});

it('names have commas between, and spaces around them do not count', () => {
  expect(parseNames(' south, north side ,')).toEqual(['south', 'north side']);
});
