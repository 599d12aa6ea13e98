import { expect, it } from 'vitest';
import { OpenAnswers } from './open-answers.js';

it('lets so many answers be under way, for all and for each, until they are over', () => {
  const answers = new OpenAnswers({ openMax: 3, openOfOneMax: 2 });
  const refused = expect.objectContaining({ code: 'LIMIT_RATE', details: { retryAfterSeconds: 10 } });
  const [first] = [answers.begin('a'), answers.begin('a')];
  expect(() => answers.begin('a')).toThrow(refused);
  answers.begin('b');
  expect(() => answers.begin('c')).toThrow(refused);
  first?.();
  // Told twice that it is over, it is over once.
  first?.();
  answers.begin('c');
  expect(() => answers.begin('a')).toThrow(refused);
});
