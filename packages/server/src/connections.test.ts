/** Between terminals and the server: its own TLS, proxies, and what happens to downloads when it stops. */
import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { Agent as HttpAgent, get as httpGet, type IncomingMessage } from 'node:http';
import { Agent, get } from 'node:https';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { killPrograms, spawnProgram, startProgram } from './testing/server-program.js';
import { makeCertificate } from './testing/test-certificate.js';
import {
  newDataFolder,
  problemOf,
  publishOk,
  removeFolder,
  startTestServer,
  type TestServer,
  testToken,
} from './testing/test-server.js';

const folders: string[] = [];
const newFolder = async (): Promise<string> => {
  const folder = await newDataFolder();
  folders.push(folder);
  return folder;
};

/** With machines that do other things too. */
const patience = { timeout: 100_000 };

let server: TestServer | undefined;

afterEach(async () => {
  await server?.stop();
  server = undefined;
});

afterAll(async () => {
  await killPrograms();
  await Promise.all(folders.map(removeFolder));
});

/** Of one request on a connection of its own. */
async function secureGet(
  url: string,
  ca: string,
): Promise<{ readonly status: number | undefined; readonly name: string; readonly hsts: string | undefined }> {
  const agent = new Agent({ ca });
  const [response] = (await once(get(url, { agent }), 'response')) as [IncomingMessage];
  const name = (response.socket as TLSSocket).getPeerCertificate().subject.CN;
  response.resume();
  agent.destroy();
  return { status: response.statusCode, name: String(name), hsts: response.headers['strict-transport-security'] };
}

describe('TLS', () => {
  it('is spoken with the certificate in the files, and with a new one when it is told so; a broken one changes nothing', async () => {
    const folder = await newFolder();
    const files = { certificate: join(folder, 'certificate.pem'), key: join(folder, 'key.pem') };
    const first = await makeCertificate(files, 'first');
    const program = await startProgram(folder, testToken, ['--tls-certificate', files.certificate, '--tls-key', files.key]);
    expect(program.url).toMatch(/^https:\/\//);
    const health = `${program.url}/healthz`;
    expect(await secureGet(health, first)).toEqual({ status: 200, name: 'first', hsts: 'max-age=31536000' });
    await expect(fetch(program.url.replace('https', 'http'))).rejects.toThrow();

    const second = await makeCertificate(files, 'second');
    program.tell('SIGHUP');
    await expect.poll(async () => (await secureGet(health, second).catch(() => null))?.name, patience).toBe('second');

    await writeFile(files.certificate, 'no certificate');
    program.tell('SIGHUP');
    await expect.poll(program.stderr, patience).toContain('certificate_refused');
    expect((await secureGet(health, second)).name).toBe('second');
    expect(await program.end('SIGTERM')).toBe(0);
  });

  it('is not half there: files that do not fit each other stop the start', async () => {
    const folder = await newFolder();
    const file = (name: string) => ({ certificate: join(folder, `${name}.pem`), key: join(folder, `${name}.key`) });
    await Promise.all(['a', 'b'].map((name) => makeCertificate(file(name), name)));
    const args = ['--data', folder, '--port', '0', '--tls-certificate', file('a').certificate, '--tls-key', file('b').key];
    const child = spawnProgram(args, { ...process.env, REMENDO_TOKEN: testToken });
    const [stderr, [exitCode]] = await Promise.all([child.stderr.toArray(), once(child, 'close')]);
    expect(exitCode).toBe(2);
    expect(Buffer.concat(stderr).toString()).toMatch(/CONFIG_INVALID.*--tls-certificate/);
  });
});

describe('the address of a request', () => {
  const asks = async (path: string, forwarded: string) => (await server?.get(path, { 'x-forwarded-for': forwarded }))?.status;

  it("is the connection's, whatever a header says", async () => {
    server = await startTestServer(['--requests-per-minute', '2']);
    expect([await asks('/x', '192.0.2.1'), await asks('/x', '192.0.2.2'), await asks('/x', '192.0.2.3')]).toEqual([404, 404, 429]);
  });

  it('is what a trusted proxy says, and nothing that was said to the proxy', async () => {
    server = await startTestServer(['--requests-per-minute', '2', '--trust-proxy', '127.0.0.0/8,10.0.0.0/8']);
    for (const address of ['192.0.2.1', '192.0.2.2, 10.0.0.7', '2001:db8::1', 'rubbish']) {
      expect([await asks('/x', address), await asks('/x', address), await asks('/x', address)]).toEqual([404, 404, 429]);
    }
    // Somebody who writes the header himself stands to the left of what the proxy adds.
    expect(await asks('/x', '192.0.2.77, 192.0.2.1')).toBe(429);
  });
});

const nginx = '/usr/sbin/nginx';
/** Not those that somebody may have on every address of this machine. */
const ports = { http: 23_080, https: 23_443 };

interface Front {
  readonly address: string;
  readonly ca: string;
  stop(): Promise<void>;
}

/**
 * deploy/nginx.conf as it is, but for its ports, its files and its name. It can not be given any port that is free, as others
 * are: between looking for one and taking it another test has it. So it has an address of its own.
 */
async function startNginx(folder: string, serverUrl: string): Promise<Front> {
  const files = { certificate: join(folder, 'fullchain.pem'), key: join(folder, 'privkey.pem') };
  const ca = await makeCertificate(files, 'nginx');
  const address = `127.${randomInt(1, 255)}.${randomInt(1, 255)}.${randomInt(1, 255)}`;
  const site = (await readFile(new URL('../../../deploy/nginx.conf', import.meta.url), 'utf8'))
    .replace(/listen 80;\s+listen \[::\]:80;/, `listen ${address}:${ports.http};`)
    .replace(/listen 443 ssl;\s+listen \[::\]:443 ssl;/, `listen ${address}:${ports.https} ssl;`)
    .replace('server 127.0.0.1:8080', `server ${new URL(serverUrl).host}`)
    .replaceAll('/etc/nginx/remendo', folder);
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${join(folder, name)};`);
  const main = `daemon off; master_process off; pid ${join(folder, 'pid')}; events {} http { access_log off; ${temporary.join(' ')}\n${site}\n}`;
  await writeFile(join(folder, 'nginx.conf'), main);
  const child = spawn(nginx, ['-e', 'stderr', '-p', folder, '-c', join(folder, 'nginx.conf')], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const ended = once(child, 'close');
  return {
    address,
    ca,
    async stop() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

describe.skipIf(!existsSync(nginx))('behind nginx, as deploy/nginx.conf sets it up', () => {
  it('terminals are told apart by their addresses, whatever they write, and get ranges of what they fetch', async () => {
    const folder = await newFolder();
    server = await startTestServer(['--requests-per-minute', '6', '--trust-proxy', '127.0.0.1/32']);
    await publishOk(server.url, { version: '1.0.0', parts: [{ path: 'app.txt', bytes: 'the application' }] });
    const front = await startNginx(folder, server.url);
    const agent = new Agent({ ca: front.ca, servername: 'localhost' });
    const ask = async (path: string, localAddress: string, headers: Record<string, string> = {}) => {
      const request = get(`https://${front.address}:${ports.https}${path}`, { agent, localAddress, headers, timeout: 20_000 });
      request.on('timeout', () => request.destroy(new Error(`no answer to ${path}`)));
      const [response] = (await once(request, 'response')) as [IncomingMessage];
      const bytes = Buffer.concat((await response.toArray()) as Buffer[]);
      return {
        status: response.statusCode,
        bytes: bytes.length,
        id: String(response.headers['x-request-id']),
        hsts: response.headers['strict-transport-security'],
      };
    };
    try {
      const health = () => ask('/healthz', '127.0.0.2').then(({ status }) => status, String);
      await expect.poll(health, patience).toBe(200);
      const range = await ask('/download/v1.0.0.zip', '127.0.0.2', { range: 'bytes=0-9' });
      expect(range).toEqual({ status: 206, bytes: 10, id: expect.stringMatching(/^[0-9a-f]{32}$/), hsts: 'max-age=31536000' });
      const forged = (n: number) => ({ 'x-forwarded-for': `192.0.2.${n}` });
      const statuses: (number | undefined)[] = [];
      for (let n = 0; n < 7; n++) statuses.push((await ask('/check_update', '127.0.0.3', forged(n))).status);
      expect(statuses).toEqual([200, 200, 200, 200, 200, 200, 429]);
      expect((await ask('/check_update', '127.0.0.4')).status).toBe(200);
      expect((await ask('/readyz', '127.0.0.4')).status).toBe(403);
    } finally {
      agent.destroy();
      await front.stop();
    }
  });
});

describe('a body that is too large', () => {
  it('is refused by an answer that arrives while most of it is still on its way', async () => {
    const program = await startProgram(await newFolder());
    const body = JSON.stringify({ files: [{ path: 'x'.repeat(20_000_000), sha256: '' }] });
    const headers = { 'content-type': 'application/json' };
    for (let times = 0; times < 15; times++) {
      const answer = await fetch(`${program.url}/api/v1/updates/identify`, { method: 'POST', headers, body });
      expect(await problemOf(answer)).toEqual({ status: 413, code: 'LIMIT_EXCEEDED' });
    }
    expect(await program.end('SIGTERM')).toBe(0);
  });
});

describe('a server that is told to stop', () => {
  it('finishes a download that is running, and takes no new requests meanwhile', async () => {
    const folder = await newFolder();
    const program = await startProgram(folder, testToken, ['--shutdown-ms', '600000']);
    const bytes = 24 * 1024 ** 2;
    const noise = Buffer.alloc(bytes, 1);
    await publishOk(program.url, { version: '1.0.0', parts: [{ path: 'app.bin', bytes: noise, stored: true }] });
    const kept = new HttpAgent({ keepAlive: true, maxSockets: 1 });
    const [idle] = (await once(httpGet(`${program.url}/healthz`, { agent: kept }), 'response')) as [IncomingMessage];
    await idle.resume().toArray();
    const [download] = (await once(httpGet(`${program.url}/download/v1.0.0.zip`), 'response')) as [IncomingMessage];
    let arrived = 0;
    download.on('data', (chunk: Buffer) => {
      arrived += chunk.length;
    });
    await once(download, 'data');
    download.pause();
    const ended = program.end('SIGTERM');
    await expect
      .poll(
        () =>
          fetch(`${program.url}/healthz`).then(
            ({ status }) => status,
            () => 'refused',
          ),
        patience,
      )
      .not.toBe(200);
    download.resume();
    await once(download, 'end');
    expect(arrived).toBe(Number(download.headers['content-length']));
    expect(arrived).toBeGreaterThan(bytes);
    kept.destroy();
    expect(await ended).toBe(0);
  });
});
