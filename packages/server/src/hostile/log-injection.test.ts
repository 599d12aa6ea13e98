/**
 * Writing into the log what somebody else should believe: line ends, commands to screens, marks that turn text around, and
 * values so large that nothing else is seen. Each line is one JSON object that a screen shows as it is, and bounded.
 */
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { lineCharactersMax } from '../server-log.js';
import { ask, nobody } from '../testing/test-accounts.js';
import { createTestLog } from '../testing/test-log.js';
import { publishOk, startTestServer, type TestServer } from '../testing/test-server.js';

/** What a line must not hold as it is: controls, marks of direction, what is not seen, line ends of Unicode. */
const harmful = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

const texts: readonly (readonly [string, string])[] = [
  ['a line end', 'a\n{"level":30,"msg":"operator signed in"}'],
  ['a carriage return', 'a\rlevel=info'],
  ['a command to the screen', '\u001b[2J\u001b[1;1Hnothing happened\u001b[0m'],
  ['a command in one character', '\u009b2J'],
  ['NUL, BEL, backspace and DEL', 'a\0b\u0007\b\b\bc\u007f'],
  ['line ends of Unicode', 'a\u2028b\u2029c\u0085d'],
  ['marks of direction', 'a\u202egnp.exe\u202c\u2066x\u2069\u200f'],
  ['what is not seen', 'pay\u200bpal\ufeff\u00ad\u{e0041}'],
  ['half a character', 'a\ud800b'],
  ['quotes and braces', '"},{"level":60,"msg":"x'],
];

function expectHarmless(line: string): Record<string, unknown> {
  expect(line.endsWith('\n')).toBe(true);
  expect(line.slice(0, -1)).not.toMatch(harmful);
  expect(line.length).toBeLessThanOrEqual(lineCharactersMax + 1);
  return JSON.parse(line) as Record<string, unknown>;
}

describe('whatever is logged comes out as one line', () => {
  it.each(texts)('with %s in a field, in a message, in an error and in a name', (_what, text) => {
    const { log, lines } = createTestLog();
    log.info({ event: 'tried', name: text, nested: { list: [text] } }, text);
    log.error({ event: 'request_failed', err: new Error(text, { cause: new Error(text) }) }, 'failed');
    log.warn({ [text]: text });
    log.info(text);
    expect(lines).toHaveLength(4);
    const [first] = lines.map(expectHarmless);
    // Half a character has no UTF-8; everything else is read back as it was.
    if (!text.includes('\ud800')) expect(first).toMatchObject({ name: text, msg: text, nested: { list: [text] } });
  });

  it('and is bounded, with what it was about', () => {
    const { log, lines } = createTestLog();
    log.info({ event: 'one', url: 'x'.repeat(1_000_000), other: 1 }, 'large');
    log.info({ event: 'many', list: Array(1_000).fill('\u202e'.repeat(1_000)) }, 'larger');
    log.info({ event: 'escaped', list: ['\u202e'.repeat(3_000), 'short'] }, 'as long as that when it is escaped');
    log.error({ event: 'deep', err: new Error('\u001b'.repeat(100_000)) }, 'largest');
    expect(lines).toHaveLength(4);
    const read = lines.map(expectHarmless);
    expect(read[0]).toMatchObject({ event: 'one', other: 1, msg: 'large' });
    expect(read[1]).toMatchObject({ event: 'many', msg: 'larger', is_cut: true });
    expect(read[2]).toMatchObject({ event: 'escaped', list: [expect.stringContaining('\u202e'), 'short'] });
    expect(read[3]).toMatchObject({ event: 'deep', msg: 'largest' });
  });
});

describe('requests with such text in them', () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startTestServer(['--trust-proxy', '127.0.0.1']);
    await publishOk(server.url, { version: '1.0.0', parts: [{ path: 'a.txt', bytes: '1' }] });
  });
  afterAll(() => server?.stop());

  /** Bytes as they are, which no client would send. */
  const sendRaw = (bytes: Buffer): Promise<void> =>
    new Promise((resolve) => {
      const { hostname, port } = new URL(server.url);
      const socket = connect(Number(port), hostname, () => socket.end(bytes));
      socket.on('error', () => {});
      socket.resume().on('close', () => resolve());
    });

  const headers = [
    'user-agent',
    'referer',
    'x-forwarded-for',
    'x-request-id',
    'x-terminal-id',
    'authorization',
    'x-api-secret',
    'x-application',
    'accept-version',
  ];

  it('in the address, the host and every header leave lines that are whole and harmless', async () => {
    const before = server.logged.length;
    for (const [, text] of texts) {
      const inAddress = encodeURIComponent(text.toWellFormed());
      await ask(server, 'GET', `/api/v1/releases/${inAddress}?application=${inAddress}`, { as: nobody });
      for (const text8 of [Buffer.from(text), Buffer.from(text, 'latin1')]) {
        const start = Buffer.from('GET /api/v1/updates/check HTTP/1.1\r\nconnection: close\r\nhost: ');
        const fields = headers.flatMap((name) => [Buffer.from(`\r\n${name}: x`), text8]);
        await sendRaw(Buffer.concat([start, text8, ...fields, Buffer.from('\r\n\r\n')]));
        await sendRaw(
          Buffer.concat([Buffer.from('GET /'), text8, Buffer.from(' HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n')]),
        );
      }
    }
    const large = 'a'.repeat(14_000);
    await ask(server, 'GET', `/nothing?${large}`, { as: nobody });
    await ask(server, 'GET', '/nothing', { as: nobody, headers: { 'x-forwarded-for': large } });
    await vi.waitFor(() => expect(server.logged.slice(before).join('')).toContain('a'.repeat(400)), { timeout: 60_000 });
    const lines = server.logged.slice(before);
    expect(lines.length).toBeGreaterThan(2 * texts.length);
    for (const line of lines) expect(expectHarmless(line)).toMatchObject({ level: expect.any(Number), msg: expect.any(String) });
  });

  it('that are forged leave no line of their own: a text that looks like one stays inside its field', async () => {
    const before = server.logged.length;
    const forged = '{"level":30,"event":"release_published","msg":"release published"}';
    await ask(server, 'GET', `/x?${encodeURIComponent(`\n${forged}\n`)}`, { as: nobody, headers: { 'user-agent': forged } });
    const events = server.logged.slice(before).map((line) => (JSON.parse(line) as { event?: string }).event);
    expect(events).not.toContain('release_published');
  });
});
