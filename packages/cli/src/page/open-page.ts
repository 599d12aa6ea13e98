/** The update manager's local API at work: its answers, its updates, and what it tells live. */
import { randomBytes } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { UpdaterError } from '@remendo/core';
import type { CommandContext } from '../command-context.js';
import { openEventStreams, type PageEvent } from './event-streams.js';
import { type LoggedEntry, readLogAfter } from './log-after.js';
import { createPageApp } from './page-app.js';
import type { UpdateState } from './page-schemas.js';
import { openPageWork, type PageWorkOptions } from './page-work.js';
import { openUpdateRunner } from './update-runner.js';
import { type InstallWatch, watchInstall } from './watch-install.js';

export interface OpenPageOptions extends PageWorkOptions {
  /** 0: any that is free. */
  readonly port: number;
  /** Told when an update begins and when it has ended. */
  readonly onUpdate: (state: UpdateState) => void;
}

export interface OpenPage {
  /** With the token. */
  readonly url: string;
  /** Once the update that is running has ended; the signal is what ends it early. */
  close(): Promise<void>;
}

const host = '127.0.0.1';
/** For a listener that comes back. */
const entriesMissedMax = 1_000;

/** @throws UpdaterError CONFIG_INVALID when the port can not be listened at. */
export async function openPage(context: CommandContext, options: OpenPageOptions): Promise<OpenPage> {
  const { layout, onUpdate } = options;
  const { home } = layout;
  const token = randomBytes(32).toString('base64url');
  const work = openPageWork(context, options);
  let watch: InstallWatch | null = null;
  const sendProgress = (): void => streams.send({ name: 'progress', data: work.progress() });
  const streams = openEventStreams({
    onListening(isListening) {
      watch?.stop();
      watch = isListening ? watchInstall({ home, onProgress: sendProgress, onEntry: (one) => streams.send(eventOf(one)) }) : null;
    },
  });
  const runner = openUpdateRunner({
    run: work.update,
    signal: context.signal,
    now: () => new Date(),
    onChange(data) {
      watch?.look();
      streams.send({ name: 'update', data });
      onUpdate(data);
    },
  });
  const app = createPageApp({
    ...work,
    token,
    port: () => (app.server.address() as AddressInfo).port,
    streams,
    status: async () => ({ ...(await work.status()), update: runner.state() }),
    log: (asked) => readLogAfter(home, asked),
    startUpdate: runner.start,
    firstEvents: (after) => [
      { name: 'progress', data: work.progress() },
      { name: 'update', data: runner.state() },
      ...(after === null ? [] : readLogAfter(home, { after, entriesMax: entriesMissedMax }).entries.map(eventOf)),
    ],
  });
  const port = await listen(app, options.port);
  return {
    url: `http://${host}:${port}/?token=${token}`,
    async close() {
      await runner.settled();
      streams.close();
      watch?.stop();
      await app.close();
    },
  };
}

const eventOf = ({ id, entry }: LoggedEntry): PageEvent => ({ name: 'log', data: entry, id });

async function listen(app: ReturnType<typeof createPageApp>, port: number): Promise<number> {
  try {
    await app.listen({ host, port });
  } catch (cause) {
    await app.close();
    throw new UpdaterError('CONFIG_INVALID', `the update manager can not listen at ${host}, port ${port}`, {
      details: { host, port },
      cause,
    });
  }
  return (app.server.address() as AddressInfo).port;
}
