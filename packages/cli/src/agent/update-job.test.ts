import { installLayout } from '@remendo/core';
import { expect, it } from 'vitest';
import type { CommandContext } from '../command-context.js';
import type { OpenJobsOptions } from './job-surroundings.js';
import { updateJob } from './update-job.js';

/** A round that can not even read its settings. */
async function roundWithoutSettings(step: 'go-on' | 'restart') {
  const did: string[] = [];
  const does = (name: string) => async () => {
    did.push(name);
    return name === 'fail' ? step : 'go-on';
  };
  const self = { update: does('update'), fail: does('fail'), confirm: async () => Boolean(did.push('confirm')) };
  const ownProgram = { self, onReplaced: () => did.push('replaced') };
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
  expect(did).toEqual(['fail', 'update']);
});

it('ends a version that has not proved itself and does not understand the settings', async () => {
  expect((await roundWithoutSettings('restart')).did).toEqual(['fail', 'replaced']);
});
