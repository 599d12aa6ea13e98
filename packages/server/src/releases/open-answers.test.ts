import { expect, it } from 'vitest';
import { OpenAnswers } from './open-answers.js';

it('lets so many answers be under way, for all and for each, until they are over', () => {
  const answers = new OpenAnswers({ openMax: 3, openOfOneMax: 2, openOfAddressMax: 2 });
  const begin = (name: string) => answers.begin({ name, address: null });
  const refused = expect.objectContaining({ code: 'LIMIT_RATE', details: { retryAfterSeconds: 10 } });
  const [first] = [begin('a'), begin('a')];
  expect(() => begin('a')).toThrow(refused);
  begin('b');
  expect(() => begin('c')).toThrow(refused);
  first?.();
  // Told twice that it is over, it is over once.
  first?.();
  begin('c');
  expect(() => begin('a')).toThrow(refused);
});

it('lets nobody take the place of all others by calling themselves something else each time', () => {
  const answers = new OpenAnswers({ openMax: 9, openOfOneMax: 2, openOfAddressMax: 3 });
  const ends = ['/a', '/b', '/c'].map((name) => answers.begin({ name, address: '192.0.2.1' }));
  expect(() => answers.begin({ name: '/d', address: '192.0.2.1' })).toThrow(expect.objectContaining({ code: 'LIMIT_RATE' }));
  answers.begin({ name: '/d', address: '192.0.2.2' });
  answers.begin({ name: 'trm_1', address: null });
  ends[0]?.();
  answers.begin({ name: '/d', address: '192.0.2.1' });
});
