import { describe, expect, it } from 'vitest';
import { isLoopback, parseServerUrl, redirectTarget, urlBelow } from './secure-url.js';

const codeOf = (action: () => unknown): unknown => {
  try {
    return action() instanceof URL ? 'allowed' : undefined;
  } catch (error) {
    return (error as { code?: unknown }).code;
  }
};

describe('the server address', () => {
  it.each([
    ['https://updates.example.com', 'allowed'],
    ['https://10.0.0.7:8443/updates', 'allowed'],
    ['http://localhost:3000', 'allowed'],
    ['http://127.0.0.1:3000', 'allowed'],
    ['http://127.9.8.7', 'allowed'],
    ['http://0x7f.1', 'allowed'],
    ['http://[::1]:3000', 'allowed'],
    ['http://updates.example.com', 'DOWNLOAD_INSECURE'],
    ['http://127.0.0.1.example.com', 'DOWNLOAD_INSECURE'],
    ['http://localhost.example.com', 'DOWNLOAD_INSECURE'],
    ['http://128.0.0.1', 'DOWNLOAD_INSECURE'],
    ['ftp://127.0.0.1', 'CONFIG_INVALID'],
    ['file:///etc/passwd', 'CONFIG_INVALID'],
    ['updates.example.com', 'CONFIG_INVALID'],
    ['https://me:secret@updates.example.com', 'CONFIG_INVALID'],
    ['https://updates.example.com/?token=1', 'CONFIG_INVALID'],
    ['', 'CONFIG_INVALID'],
  ])('%s is %s', (address, verdict) => {
    expect(codeOf(() => parseServerUrl(address, false))).toBe(verdict);
  });

  it('may be plain http anywhere when that is allowed explicitly', () => {
    expect(codeOf(() => parseServerUrl('http://updates.example.com', true))).toBe('allowed');
  });

  it('keeps its path, and requests stay below it', () => {
    const server = parseServerUrl('https://example.com/updates', false);
    expect(urlBelow(server, 'api/v1/x?a=1').href).toBe('https://example.com/updates/api/v1/x?a=1');
    expect(urlBelow(server, '/api/v1/x').href).toBe('https://example.com/updates/api/v1/x');
    for (const path of ['https://evil.example/', '//evil.example/x', '../x', 'http:\\\\evil.example', '/\\evil.example/x']) {
      expect(
        codeOf(() => urlBelow(server, path)),
        path,
      ).toBe('DOWNLOAD_REDIRECT_REFUSED');
    }
  });
});

describe('a redirect', () => {
  it.each([
    ['https://a.example/', 'https://b.example/x', 'allowed'],
    ['https://a.example/', '/x', 'allowed'],
    ['http://127.0.0.1:1/', 'http://127.0.0.1:2/x', 'allowed'],
    ['http://127.0.0.1:1/', 'https://b.example/', 'allowed'],
    ['http://a.example/', 'http://a.example/x', 'allowed'],
    ['http://a.example/', 'http://b.example/x', 'DOWNLOAD_REDIRECT_REFUSED'],
    ['http://a.example/', 'http://127.0.0.1/x', 'DOWNLOAD_REDIRECT_REFUSED'],
    ['https://a.example/', 'http://a.example/x', 'DOWNLOAD_REDIRECT_REFUSED'],
    ['https://a.example/', 'http://127.0.0.1/x', 'DOWNLOAD_REDIRECT_REFUSED'],
    ['http://127.0.0.1/', 'http://b.example/x', 'DOWNLOAD_REDIRECT_REFUSED'],
    ['https://a.example/', 'https://me:secret@b.example/', 'DOWNLOAD_REDIRECT_REFUSED'],
    ['https://a.example/', 'file:///etc/passwd', 'DOWNLOAD_REDIRECT_REFUSED'],
    ['https://a.example/', 'https://', 'DOWNLOAD_REDIRECT_REFUSED'],
    ['https://a.example/', null, 'DOWNLOAD_REDIRECT_REFUSED'],
  ])('from %s to %s is %s', (from, location, verdict) => {
    expect(codeOf(() => redirectTarget(new URL(from), location))).toBe(verdict);
  });
});

it('takes no other machine for this one', () => {
  expect(isLoopback(new URL('https://127.0.0.1.nip.io'))).toBe(false);
});
