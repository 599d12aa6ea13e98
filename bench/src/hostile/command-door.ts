/** The commands that read files from outside, in this process: as `remendo` runs them, with their output kept. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { type ErrorCode, encodeDeltaIndex, indexDelta, isCodecName } from '@remendo/core';
import {
  deltaFileOf,
  type HostileInput,
  hostileBase,
  hostileTarget,
  patchedPath,
  type ReleaseBytes,
  releaseAround,
} from '@remendo/core/testing';
import { deltaOfBlob } from './blob-delta.js';
import type { Answer, Door } from './doors.js';
import { differences, snapshotOf, textHarm } from './folder-harm.js';
import { type CommandModules, loadCommands } from './load-commands.js';

interface Ran {
  readonly code: string | null;
  readonly printed: string;
}

/** Like a stream of a process that is no terminal. */
class Kept extends Writable {
  text = '';

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

async function run({ createCommandTree, createOutput, printError }: CommandModules, args: readonly string[]): Promise<Ran> {
  const [stdout, stderr] = [new Kept(), new Kept()];
  let code: string | null = null;
  const tree = await createCommandTree(
    async (command, use) => {
      const output = createOutput({ stdout, stderr }, { json: command.opts().json === true });
      try {
        await use({
          output,
          environment: {},
          signal: new AbortController().signal,
          isInteractive: false,
          takeSignals: () => () => {},
        });
      } catch (error) {
        code = String((error as { code?: unknown }).code ?? `no code: ${(error as Error).message}`);
        printError(output, error);
      }
    },
    { asked: args[0] },
  );
  await tree.parseAsync([...args], { from: 'user' });
  return { code, printed: stdout.text + stderr.text };
}

export async function openCommandDoor(): Promise<Door> {
  const commands = await loadCommands();
  const world = await mkdtemp(join(tmpdir(), 'remendo-hostile-commands-'));
  const at = (name: string): string => join(world, name);
  await writeRelease(at('base'), hostileBase);

  async function ask({ command: door, args, ...may }: Question): Promise<Answer> {
    const before = snapshotOf(world);
    const { code, printed } = await run(commands, [door, ...args]);
    const harm = [...differences(before, snapshotOf(world), 'the folder'), ...textHarm('its output', printed)];
    return { door: `remendo ${door}`, code, ...may, harm };
  }

  return {
    isElsewhere: false,
    async bring(input) {
      const files = await filesOf(input);
      for (const [name, bytes] of Object.entries(files)) await writeFile(at(name), bytes);
      if (input.kind === 'blob') await writeRelease(at('other-base'), releaseAround(input.base));
      try {
        const answers: Answer[] = [];
        for (const question of questionsTo(input, at)) answers.push(await ask(question));
        return answers;
      } finally {
        for (const name of [...Object.keys(files), 'other-base']) await rm(at(name), { recursive: true, force: true });
      }
    },
    close: () => rm(world, { recursive: true, force: true }),
  };
}

async function writeRelease(folder: string, files: ReleaseBytes): Promise<void> {
  await mkdir(folder);
  for (const [path, bytes] of Object.entries(files)) await writeFile(join(folder, path), bytes);
}

/** The input as somebody gets it: in a file. */
async function filesOf(input: HostileInput): Promise<Readonly<Record<string, Uint8Array>>> {
  switch (input.kind) {
    case 'zip':
      return { 'hostile.zip': input.bytes };
    case 'blob': {
      const delta = await deltaOfBlob(input);
      if (delta === null) return {};
      const file = { 'hostile.delta': deltaFileOf(encodeDeltaIndex(indexDelta(delta), 5), input.blob) };
      return input.how.kind === 'patch' && input.how.codec === 'bsdiff40' ? { ...file, 'hostile.patch': input.blob } : file;
    }
    case 'index':
      return { 'hostile.delta': deltaFileOf(input.encoded, hostileTarget[patchedPath] ?? new Uint8Array()) };
    case 'delta':
      return { 'hostile.delta': input.bytes };
    case 'manifest':
    case 'journal':
      return { hostile: input.bytes };
    default:
      return {};
  }
}

interface Question {
  readonly command: string;
  readonly args: readonly string[];
  readonly mayTake?: boolean;
  readonly mayBe?: ErrorCode;
}

/** `inspect` tells formats by how they begin: what begins otherwise is no business of the reader's. */
const looksLike = { manifest: /^\{/, journal: /^[0-9a-f]{16} \{/ };

function questionsTo(input: HostileInput, at: (name: string) => string): readonly Question[] {
  const apply = (base: string): Question => ({ command: 'apply', args: [at(base), at('hostile.delta'), '--out', at('out')] });
  // Whoever looks at a delta does not apply it.
  const inspectDelta: Question = { command: 'inspect', args: [at('hostile.delta')], mayTake: true };
  switch (input.kind) {
    case 'zip':
      return [
        { command: 'manifest', args: [at('hostile.zip')] },
        { command: 'diff', args: [at('base'), at('hostile.zip'), '--out', at('out')] },
        { command: 'inspect', args: [at('hostile.zip')], mayTake: input.seenIn === 'contents', mayBe: 'ARTIFACT_UNKNOWN' },
      ];
    case 'blob': {
      if (input.how.kind === 'patch' && !isCodecName(input.how.codec)) return [];
      const patch: Question = { command: 'inspect', args: [at('hostile.patch')], mayTake: true };
      const isBsdiff = input.how.kind === 'patch' && input.how.codec === 'bsdiff40' && isBsdiff40(input.blob);
      return [apply('other-base'), inspectDelta, ...(isBsdiff ? [patch] : [])];
    }
    case 'index':
    case 'delta':
      return [apply('base'), inspectDelta];
    case 'manifest':
    case 'journal':
      return looksLike[input.kind].test(Buffer.from(input.bytes.subarray(0, 20)).toString('latin1'))
        ? [{ command: 'inspect', args: [at('hostile')] }]
        : [];
    default:
      return [];
  }
}

const isBsdiff40 = (blob: Uint8Array): boolean => Buffer.from(blob.subarray(0, 8)).toString('latin1') === 'BSDIFF40';
