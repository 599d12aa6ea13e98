import { createCipheriv } from 'node:crypto';
import { expect, it } from 'vitest';
import { Matcher } from './matcher-kernel.js';

const noise = (bytes: number, seed: number): Buffer =>
  createCipheriv('aes-128-ctr', Buffer.alloc(16, seed), Buffer.alloc(16)).update(Buffer.alloc(bytes));

it('new bytes stay new however many there are in a row', () => {
  const bytes = 400_000;
  const matcher = new Matcher(bytes, bytes);
  matcher.all.set(noise(bytes, 1));
  matcher.all.set(noise(bytes, 2), bytes);
  // So dear that what is not followed would cost more than fits into a number, as it would in 50 MB by usual prices.
  const found = matcher.match({ right: 1, wrong: 20_000, fresh: 16, freshStart: 80, jump: 260, jumpBit: 16 });
  expect(found).toMatchObject({ blocks: [{ copied: 0, reference: 0, fresh: bytes }], wrong: 0 });
});
