import { isUpdaterError } from '@remendo/core';
import { describe, expect, it } from 'vitest';
import { chooseWeighted, parseSimulation, type SimulateOptions } from './parse-simulation.js';

const given: SimulateOptions = {
  terminals: '100',
  duration: '60s',
  finishWithin: '500ms',
  checkInterval: '10m',
  versions: '1.0.0=50, 1.1.0-beta.1=30,unknown=20',
  links: '256k=20,1m,unlimited=0',
  drops: '0.05',
  kills: '1',
  addresses: 'loopback',
};

const problemsOf = (options: Partial<SimulateOptions>): unknown => {
  try {
    parseSimulation({ ...given, ...options });
  } catch (error) {
    if (isUpdaterError(error)) return error.details.problems;
    throw error;
  }
  return [];
};

describe('the options of a simulation', () => {
  it('are durations, speeds in bits per second, shares and weights', () => {
    expect(parseSimulation({ ...given, updating: '5', seed: '7', enrol: true })).toEqual({
      terminals: 100,
      durationMs: 60_000,
      finishMs: 500,
      checkIntervalMs: 600_000,
      versions: [
        { value: '1.0.0', weight: 50 },
        { value: '1.1.0-beta.1', weight: 30 },
        { value: null, weight: 20 },
      ],
      links: [
        { value: 32_000, weight: 20 },
        { value: 125_000, weight: 1 },
        { value: null, weight: 0 },
      ],
      dropShare: 0.05,
      killShare: 1,
      updating: 5,
      hasOwnAddresses: true,
      enrols: true,
      seed: 7,
    });
  });

  it('have all terminals update unless somebody says how many', () => {
    expect(parseSimulation(given).updating).toBe(100);
  });

  it('are told with all that is wrong at once', () => {
    const wrong = { terminals: '0', duration: '60', versions: '1.0=1', links: '256=1', drops: '1.5', updating: '-1' };
    expect(problemsOf(wrong)).toEqual([
      expect.stringMatching(/^--terminals .*from 1 to/),
      expect.stringMatching(/^--duration .*such as 500ms/),
      expect.stringMatching(/^--versions names 1\.0,/),
      expect.stringMatching(/^--links names 256,/),
      expect.stringMatching(/^--drops must be a share/),
      expect.stringMatching(/^--updating must be a whole number/),
    ]);
  });

  it.each(['', '1.0.0=', '1.0.0=1=2', '1.0.0=-1', '1.0.0=0', ','])('refuse the weights %j', (versions) => {
    expect(problemsOf({ versions })).toHaveLength(1);
  });
});

it('chance chooses each as often as its weight says', () => {
  const choices = [
    { value: 'a', weight: 1 },
    { value: 'never', weight: 0 },
    { value: 'b', weight: 3 },
  ];
  const chosen = Array.from({ length: 1_000 }, (_, index) => chooseWeighted(choices, index / 1_000));
  expect(chosen.filter((value) => value === 'a')).toHaveLength(250);
  expect(chosen.filter((value) => value === 'b')).toHaveLength(750);
});
