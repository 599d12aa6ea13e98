import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import type { CommandContext } from '../../command-context.js';
import { temporaryFolders } from '../../testing/run-remendo.js';
import { openSelfUpdate } from './open-self-update.js';

const own = vi.hoisted(() => ({ command: '', args: [] }));
vi.mock('../../own-program.js', () => ({ ownProgram: () => own }));

const makeFolder = temporaryFolders();
const context = { environment: {}, output: { warn: () => {} } } as unknown as CommandContext;

it('never takes the updates of the application for its own, whatever is wrong with the settings', async () => {
  const root = await makeFolder();
  own.command = join(root, 'remendo');
  mkdirSync(join(root, '.remendo'));
  writeFileSync(join(root, '.remendo', 'remendo.config.json'), '{');
  expect(openSelfUpdate(context, { root })).toBeNull();
  expect(openSelfUpdate({ ...context, environment: { REMENDO_ROOT: root } }, {})).toBeNull();
  expect(
    openSelfUpdate({ ...context, environment: { REMENDO_CONFIG: join(root, '.remendo', 'remendo.config.json') } }, {}),
  ).toBeNull();
  own.command = join(await makeFolder(), 'remendo');
  expect(openSelfUpdate(context, { root })).not.toBeNull();
});
