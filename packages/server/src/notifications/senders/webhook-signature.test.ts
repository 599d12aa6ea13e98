import { expect, it } from 'vitest';
import { signWebhook, verifyWebhook } from './webhook-signature.js';

const secret = 'a secret of the receiver';
const body = '{"id":"1","subject":"Versão"}';
const sentAt = new Date('2026-03-01T12:00:00Z');
const timestamp = String(sentAt.getTime() / 1_000);
const headers = { 'x-remendo-timestamp': timestamp, 'x-remendo-signature': signWebhook(secret, timestamp, body) };
const after = (seconds: number): Date => new Date(sentAt.getTime() + seconds * 1_000);
const refusal = (message: string) => expect.objectContaining({ code: 'NOTIFICATION_REFUSED', message });

it('signs as the documentation says', () => {
  // printf '1772366400.{"id":"1"}' | openssl dgst -sha256 -hmac secret
  expect(signWebhook('secret', '1772366400', '{"id":"1"}')).toBe(
    'v1=c9d11b9bf56ffd0e5a6d320d52c8cbf91d6a700c9bc0416e7c7bc63142e8ca16',
  );
});

it('is accepted as it was sent, as text or as bytes, for five minutes', () => {
  verifyWebhook(secret, headers, body, after(0));
  verifyWebhook(secret, headers, Buffer.from(body), after(300));
  verifyWebhook(secret, headers, body, after(-300));
});

it('is refused when it is replayed later', () => {
  expect(() => verifyWebhook(secret, headers, body, after(301))).toThrow(refusal('the webhook is too old'));
  expect(() => verifyWebhook(secret, headers, body, after(-301))).toThrow(refusal('the webhook is too old'));
  const fresh = { ...headers, 'x-remendo-timestamp': String(Number(timestamp) + 600) };
  expect(() => verifyWebhook(secret, fresh, body, after(600))).toThrow(refusal('the signature of the webhook is wrong'));
});

it('is refused when anything of it was changed', () => {
  const wrong = refusal('the signature of the webhook is wrong');
  expect(() => verifyWebhook(secret, headers, `${body} `, sentAt)).toThrow(wrong);
  expect(() => verifyWebhook('another', headers, body, sentAt)).toThrow(wrong);
  for (const signature of ['', 'v1=', `v1=${'0'.repeat(64)}`, `v2=${headers['x-remendo-signature'].slice(3)}`, 'é'.repeat(67)]) {
    expect(() => verifyWebhook(secret, { ...headers, 'x-remendo-signature': signature }, body, sentAt)).toThrow(wrong);
  }
});

it('is refused without a signature or a timestamp', () => {
  const unsigned = refusal('the webhook is not signed');
  for (const [name, value] of [
    ['x-remendo-signature', undefined],
    ['x-remendo-timestamp', undefined],
    ['x-remendo-timestamp', 'NaN'],
    ['x-remendo-timestamp', '1e9'],
    ['x-remendo-signature', [headers['x-remendo-signature']]],
  ] as const) {
    expect(() => verifyWebhook(secret, { ...headers, [name]: value }, body, sentAt)).toThrow(unsigned);
  }
});
