/** A client under test: its folders, its repository behind a real HTTP server, and the commands of the protocol. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, vi } from 'vitest';
import { runClient } from '../tuf-conformance-client.js';
import { ConformanceRepository } from './repository.test.support.js';

/** Built before the tests run, as every program that they start. */
const program = fileURLToPath(new URL('../../dist/tuf-conformance-client.js', import.meta.url));

export interface SimulatorServer {
  readonly newTest: (options?: { readonly asProcess?: boolean }) => Promise<ClientUnderTest>;
  readonly close: () => Promise<void>;
}

/** One for all tests of a file; each of them has a repository and a client of its own. */
export async function startSimulator(): Promise<SimulatorServer> {
  vi.spyOn(console, 'error').mockImplementation(() => {});
  const folder = await mkdtemp(join(tmpdir(), 'remendo-conformance-'));
  const repositories: ConformanceRepository[] = [];
  const server: Server = createServer((request, response) => {
    const [, test = '', path = ''] = /^\/(\d+)\/(.*)$/.exec(request.url ?? '') ?? [];
    const bytes = repositories[Number(test)]?.answer(path);
    response.writeHead(bytes === undefined ? 404 : 200).end(bytes);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    async newTest({ asProcess = false } = {}) {
      const repository = new ConformanceRepository();
      const test = repositories.push(repository) - 1;
      const own = join(folder, String(test));
      for (const name of ['metadata', 'targets']) await mkdir(join(own, name), { recursive: true });
      return new ClientUnderTest(repository, { folder: own, url: `http://127.0.0.1:${port}/${test}`, asProcess });
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await rm(folder, { recursive: true });
    },
  };
}

interface Place {
  readonly folder: string;
  readonly url: string;
  readonly asProcess: boolean;
}

export class ClientUnderTest {
  readonly repository: ConformanceRepository;
  readonly #place: Place;

  constructor(repository: ConformanceRepository, place: Place) {
    this.repository = repository;
    this.#place = place;
  }

  get #metadata(): string {
    return join(this.#place.folder, 'metadata');
  }

  async init(root: Uint8Array | undefined = this.repository.metadata('root', 1)): Promise<number> {
    const trusted = join(this.#place.folder, 'initial_root.json');
    await writeFile(trusted, root ?? '');
    return this.#run(['init', trusted]);
  }

  refresh(at?: Date): Promise<number> {
    return this.#run(['--metadata-url', `${this.#place.url}/metadata/`, 'refresh'], at);
  }

  download(...names: readonly string[]): Promise<number> {
    const { url, folder } = this.#place;
    const targets = names.flatMap((name) => ['--target-name', name]);
    const below = ['--target-dir', join(folder, 'targets'), '--target-base-url', `${url}/targets/`];
    return this.#run(['--metadata-url', `${url}/metadata/`, ...targets, ...below, 'download']);
  }

  async #run(args: readonly string[], at?: Date): Promise<number> {
    const all = ['--metadata-dir', this.#metadata, ...args];
    return this.#place.asProcess ? runProgram(all, at) : runClient(all, ...(at === undefined ? [] : [() => at]));
  }

  /** Null when the role is not trusted. */
  async version(role: string): Promise<number | null> {
    const text = await this.text(role);
    return text === null ? null : JSON.parse(text).signed.version;
  }

  text(role: string): Promise<string | null> {
    return readFile(join(this.#metadata, `${role}.json`), 'utf8').catch(() => null);
  }

  /** `role version`, sorted by role. */
  async trusted(): Promise<readonly string[]> {
    const names = (await readdir(this.#metadata)).filter((name) => name.endsWith('.json')).sort();
    return Promise.all(names.map(async (name) => `${name.slice(0, -5)} ${await this.version(name.slice(0, -5))}`));
  }

  /** Byte for byte what the repository published last. */
  async expectNewest(...roles: readonly string[]): Promise<void> {
    for (const role of roles) expect(await this.text(role), role).toBe(String(this.repository.metadata(role)));
  }

  /** Texts of all that was stored, sorted. */
  async downloaded(): Promise<readonly string[]> {
    const folder = join(this.#place.folder, 'targets');
    const texts = (await readdir(folder)).map((name) => readFile(join(folder, name), 'utf8'));
    return (await Promise.all(texts)).sort();
  }
}

/** In the place of faketime: the program's clock by the one thing that it reads it from. */
const clockAt = (at: Date): string =>
  `globalThis.Date = class extends Date { constructor(...of) { of.length === 0 ? super(${at.getTime()}) : super(...of); } };`;

function runProgram(args: readonly string[], at?: Date): Promise<number> {
  const preload = at === undefined ? [] : ['--import', `data:text/javascript,${encodeURIComponent(clockAt(at))}`];
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [...preload, program, ...args]);
    child.once('close', (code) => resolve(code ?? -1));
  });
}
