import { UpdaterError } from '@remendo/core';
import { describe, expect, it } from 'vitest';
import { readSettings, type SettingSources } from './config.js';

const sources = (over: Partial<SettingSources> = {}): SettingSources => ({
  flags: {},
  environment: {},
  file: null,
  readSecret: () => {
    throw new Error('there is no such file');
  },
  ...over,
});

function problemsOf(read: () => unknown): readonly string[] {
  try {
    read();
  } catch (error) {
    if (error instanceof UpdaterError && error.code === 'CONFIG_INVALID') return error.details.problems as readonly string[];
    throw error;
  }
  return [];
}

describe('settings', () => {
  it('a flag goes before a variable, that before the file, that before the default', () => {
    const file = { path: 'c.json', value: { application: 'from-file' } };
    const environment = { REMENDO_APPLICATION: 'from-variable' };
    const read = (over: Partial<SettingSources>) => readSettings(['application', 'channel'], sources(over));
    expect(read({ flags: { application: 'from-flag' }, environment, file }).application).toBe('from-flag');
    expect(read({ environment, file }).application).toBe('from-variable');
    expect(read({ file }).application).toBe('from-file');
    expect(read({}).channel).toBe('stable');
  });

  it('lists come from repeated flags, from commas in a variable, and from an array in the file', () => {
    const read = (over: Partial<SettingSources>) => readSettings(['preserve'], sources(over)).preserve;
    expect(read({ flags: { preserve: ['a,b', 'c'] } })).toEqual(['a,b', 'c']);
    expect(read({ environment: { REMENDO_PRESERVE: '.env, storage/app/**,' } })).toEqual(['.env', 'storage/app/**']);
    expect(read({ file: { path: 'c.json', value: { preserve: ['*.ini'] } } })).toEqual(['*.ini']);
  });

  it('all problems are reported at once', () => {
    const file = { path: 'c.json', value: { healthyAfterMs: 'soon', allowInsecure: 'maybe', bogus: 1, token: 'x' } };
    const problems = problemsOf(() => readSettings(['root', 'healthyAfterMs', 'allowInsecure'], sources({ file }), ['root']));
    expect(problems).toEqual([
      'c.json: "bogus" is not a setting',
      'c.json: token does not belong there; name a file that holds it as tokenFile',
      '--root is missing (or REMENDO_ROOT in the environment)',
      'c.json: healthyAfterMs must be a whole number from 0 to 3600000',
      'c.json: allowInsecure must be on or off',
    ]);
  });

  it('a channel that does not exist is a problem before anybody is asked', () => {
    const problems = problemsOf(() => readSettings(['channel'], sources({ flags: { channel: 'beta' } })));
    expect(problems).toEqual(['--channel must be stable or development']);
  });

  it('a secret comes from its variable or from a file of its own, and is in no message', () => {
    const read = (over: Partial<SettingSources>) => readSettings(['token'], sources(over)).token;
    const readSecret = (path: string): string => `${path} secret\n`.replace(' ', '-');
    expect(read({ environment: { REMENDO_TOKEN: 'abc' } })).toBe('abc');
    expect(read({ environment: { REMENDO_TOKEN_FILE: 'f' }, readSecret })).toBe('f-secret');
    expect(read({ file: { path: 'c.json', value: { tokenFile: 'g' } }, readSecret })).toBe('g-secret');
    const problems = problemsOf(() => read({ environment: { REMENDO_TOKEN: 'has a\nline' } }));
    expect(problems).toEqual(['REMENDO_TOKEN does not hold a secret: it has to be one word of printable ASCII']);
  });

  it('a file that is no object is one problem', () => {
    expect(problemsOf(() => readSettings(['channel'], sources({ file: { path: 'c.json', value: [] } })))).toEqual([
      'c.json does not hold a JSON object',
    ]);
  });
});
