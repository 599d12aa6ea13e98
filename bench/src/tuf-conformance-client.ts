#!/usr/bin/env node
/**
 * The client of this project behind the protocol of the public suite of The Update Framework (`tuf-conformance`,
 * CLIENT-CLI.md), so that the suite can drive it. See docs/tuf-conformance.md.
 *
 *     tuf-conformance-client --metadata-dir DIR init TRUSTED_ROOT
 *     tuf-conformance-client --metadata-dir DIR --metadata-url URL refresh
 *     tuf-conformance-client --metadata-dir DIR --metadata-url URL --target-name NAME … --target-base-url URL
 *         --target-dir DIR download
 *
 * Afterwards the folder of metadata holds what is trusted, also when the command failed: exit code 1.
 */
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import {
  createHttpClient,
  errorChain,
  type HttpClient,
  hasCode,
  type MetadataSource,
  nodeHost,
  openTufSession,
  type TufSession,
} from '@remendo/core';

const options = {
  'metadata-dir': { type: 'string' },
  'metadata-url': { type: 'string' },
  'target-name': { type: 'string', multiple: true },
  'target-base-url': { type: 'string' },
  'target-dir': { type: 'string' },
} as const;

type Target = NonNullable<Awaited<ReturnType<TufSession['target']>>>;

/** @returns the exit code. @param now what expiry is held against (default: this machine's clock). */
export async function runClient(args: readonly string[], now: () => Date = () => new Date()): Promise<0 | 1> {
  try {
    const { values, positionals } = parseArgs({ args: [...args], options, allowPositionals: true });
    const [command, trustedRoot = ''] = positionals;
    const metadataFolder = values['metadata-dir'] ?? '';
    if (command === 'init') await replaceFile(join(metadataFolder, 'root.json'), await readFile(trustedRoot));
    else if (command === 'refresh')
      await withSession(metadataFolder, { url: values['metadata-url'] ?? '', now }, (session) => session.refresh());
    else if (command === 'download') {
      await withSession(metadataFolder, { url: values['metadata-url'] ?? '', now }, async (session) => {
        await session.refresh();
        const download = { url: values['target-base-url'] ?? '', folder: values['target-dir'] ?? '' };
        for (const name of values['target-name'] ?? []) await downloadTarget(session, name, download);
      });
    } else throw new Error('the command is init, refresh or download');
    return 0;
  } catch (error) {
    console.error(errorChain(error).join('\n  because '));
    return 1;
  }
}

interface Where {
  readonly url: string;
  readonly now: () => Date;
}

async function withSession(folder: string, where: Where, use: (session: TufSession) => Promise<void>): Promise<void> {
  const scratchFolder = await mkdtemp(join(tmpdir(), 'tuf-conformance-'));
  try {
    await useSession(folder, { ...where, scratchFolder }, use);
  } finally {
    await rm(scratchFolder, { recursive: true });
  }
}

async function useSession(
  folder: string,
  { url, now, scratchFolder }: Where & { readonly scratchFolder: string },
  use: (session: TufSession) => Promise<void>,
): Promise<void> {
  const started = now();
  const session = await openTufSession({
    scratchFolder,
    files: await readMetadata(folder),
    source: sourceBelow(url),
    now: () => started,
  });
  try {
    await use(session);
  } finally {
    for (const [role, text] of Object.entries(await session.files())) {
      await replaceFile(join(folder, fileName(role)), Buffer.from(text));
    }
  }
}

const fileName = (role: string): string => `${encodeURIComponent(role)}.json`;

async function readMetadata(folder: string): Promise<Readonly<Record<string, string>>> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.json'));
  const texts = names.map(
    async (name) => [decodeURIComponent(name.slice(0, -5)), await readFile(join(folder, name), 'utf8')] as const,
  );
  return Object.fromEntries(await Promise.all(texts));
}

async function replaceFile(path: string, bytes: Uint8Array): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(`${path}.partial`, bytes);
  await rename(`${path}.partial`, path);
}

function clientOf(serverUrl: string): HttpClient {
  const { clock, random } = nodeHost();
  return createHttpClient({ serverUrl, clock, random, retries: { retriesMax: 0 } });
}

function sourceBelow(url: string): MetadataSource {
  const http = clientOf(url);
  return {
    async fetch(name, bytesMax) {
      try {
        return await http.bytes(name, { bytesMax });
      } catch (error) {
        if (hasCode(error, 'DOWNLOAD_NOT_FOUND')) return null;
        throw error;
      }
    },
  };
}

/** Below the folder when it is verified, under one name whatever it holds; nothing is fetched that is there already. */
async function downloadTarget(
  session: TufSession,
  name: string,
  { url, folder }: { readonly url: string; readonly folder: string },
): Promise<void> {
  const target = await session.target(name);
  if (target === null) throw new Error(`no trusted role names ${name}`);
  const path = join(folder, encodeURIComponent(name));
  if (await isTarget(target, await readFile(path).catch(() => null))) return;
  const bytes = await clientOf(url).bytes(hashedName(target), { bytesMax: target.length });
  if (!(await isTarget(target, bytes))) throw new Error(`what arrived as ${name} is not what is signed`);
  await replaceFile(path, bytes);
}

async function isTarget(target: Target, bytes: Uint8Array | null): Promise<boolean> {
  if (bytes === null) return false;
  const verified = target.verify(Readable.from([Buffer.from(bytes)]));
  return verified.then(
    () => true,
    () => false,
  );
}

/** Specification 5.7.3: repositories with consistent snapshots put a hash before the name of the file. */
function hashedName({ path, hashes }: Target): string {
  const folders = path.split('/');
  const name = `${Object.values(hashes)[0]}.${folders.pop()}`;
  return [...folders, name].map(encodeURIComponent).join('/');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = await runClient(process.argv.slice(2));
