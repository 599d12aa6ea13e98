import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { installLayout } from '@remendo/core';
import { expect, it } from 'vitest';
import { startHttpDouble } from '../backups/senders/senders.test.support.js';
import type { CommandContext } from '../command-context.js';
import { createOutput } from '../output/output.js';
import { temporaryFolders } from '../testing/run-remendo.js';
import { agentConfigOf } from './agent-config.js';
import type { OpenJobsOptions } from './job-surroundings.js';
import type { RoundVerdict } from './self-update/self-update.js';
import { updateJob, verdictOf } from './update-job.js';

/** A round that can not even read its settings. */
async function roundWithoutSettings(step: 'go-on' | 'restart') {
  const did: string[] = [];
  const self = {
    update: async () => {
      did.push('update');
      return 'go-on' as const;
    },
    judge: async ({ kind }: RoundVerdict) => {
      did.push(kind);
      return step;
    },
  };
  const ownProgram = { self, isOnTrial: true, onReplaced: () => did.push('replaced') };
  const context = { environment: {}, output: {} } as unknown as CommandContext;
  const options = {
    settings: {},
    config: {},
    layout: installLayout('/nowhere'),
    flags: {},
    ownProgram,
  } as unknown as OpenJobsOptions;
  const end = await updateJob(context, options).run(new AbortController().signal);
  return { end, did };
}

it('looks for a newer agent also where the update of the application can not begin, and takes that for no proof', async () => {
  const { end, did } = await roundWithoutSettings('go-on');
  expect(end).toMatchObject({ kind: 'failed', code: 'CONFIG_INVALID' });
  expect(did).toEqual(['broken', 'update']);
});

it('ends a version that has not proved itself and does not understand the settings', async () => {
  expect((await roundWithoutSettings('restart')).did).toEqual(['broken', 'replaced']);
});

it('judges the program by whether it reached the server, and by nothing that the server or the line does', () => {
  const whole = { isWhole: true, isAnswered: false };
  const retry = (code: 'DOWNLOAD_FAILED' | 'SERVER_FAILED' | 'STORAGE_FAILED' | null) =>
    ({ kind: 'retry', code, detail: 'why', afterMs: null }) as const;
  const upToDate = { kind: 'done', outcome: 'up_to_date', detail: null } as const;
  const refused = { kind: 'failed', code: 'AUTH_REQUIRED', detail: 'why' } as const;
  expect(verdictOf({ end: upToDate, ...whole })).toEqual({ kind: 'healthy' });
  expect(verdictOf({ end: refused, ...whole })).toEqual({ kind: 'healthy' });
  expect(verdictOf({ end: retry('DOWNLOAD_FAILED'), ...whole })).toEqual({ kind: 'unreached', reason: 'why' });
  // The line was cut in the middle of a download.
  expect(verdictOf({ end: retry('DOWNLOAD_FAILED'), ...whole, isAnswered: true })).toEqual({ kind: 'healthy' });
  expect(verdictOf({ end: retry('SERVER_FAILED'), ...whole })).toEqual({ kind: 'inconclusive' });
  expect(verdictOf({ end: retry('STORAGE_FAILED'), isWhole: false, isAnswered: false })).toEqual({ kind: 'inconclusive' });
  expect(verdictOf({ end: retry(null), ...whole, isAnswered: true })).toEqual({ kind: 'broken', reason: 'why' });
});

const makeFolder = temporaryFolders();

it('proves itself by an answer of its own, not by what the version before was told within the last hour', async () => {
  const root = await makeFolder();
  mkdirSync(join(root, '.remendo'));
  const upToDate = {
    update_available: false,
    application: 'erp',
    platform: 'linux-x64',
    current_version: null,
    latest_version: null,
  };
  const server = await startHttpDouble(({ path }, response) =>
    path.includes('/check')
      ? response.setHeader('content-type', 'application/json').end(JSON.stringify(upToDate))
      : response.writeHead(404).end(),
  );
  const checks = () => server.received.filter(({ path }) => path.includes('/check')).length;
  const streams = { stdout: new PassThrough().resume(), stderr: new PassThrough().resume() };
  const output = createOutput(streams as unknown as Parameters<typeof createOutput>[0], { json: true, language: 'en' });
  const context = { environment: {}, output, language: 'en', signal: new AbortController().signal } as unknown as CommandContext;
  const round = async (isOnTrial: boolean): Promise<readonly string[]> => {
    const judged: string[] = [];
    const self = {
      update: async () => 'go-on' as const,
      judge: async ({ kind }: RoundVerdict) => judged.push(kind) && ('go-on' as const),
    };
    const options = {
      settings: { agent: null },
      config: agentConfigOf(null),
      layout: installLayout(root),
      flags: { root, server: server.url, application: 'erp', platform: 'linux-x64' },
      ownProgram: { self, isOnTrial, onReplaced: () => {} },
    } as unknown as OpenJobsOptions;
    await updateJob(context, options).run(context.signal);
    return judged;
  };
  expect([await round(false), await round(false)]).toEqual([['healthy'], ['healthy']]);
  expect(checks()).toBe(1);
  expect(await round(true)).toEqual(['healthy']);
  expect(checks()).toBe(2);
});
