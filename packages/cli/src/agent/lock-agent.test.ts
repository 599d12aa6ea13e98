import { nodeHost } from '@remendo/core';
import { MemoryFileSystem } from '@remendo/core/testing';
import { expect, it } from 'vitest';
import { lockAgent } from './lock-agent.js';

const home = '/erp/.remendo';

it('lets one agent look after an install, and says so to the second', async () => {
  const host = { ...nodeHost(), fileSystem: new MemoryFileSystem() };
  const lock = await lockAgent({ home }, host);
  await expect(lockAgent({ home }, host)).rejects.toMatchObject({ code: 'TRANSACTION_LOCKED' });
  await lock.release();
  await (await lockAgent({ home }, host)).release();
});

it('lets it begin on a full disk, of which it has to tell', async () => {
  const fileSystem = new MemoryFileSystem({ capacityBytes: 0 });
  const lock = await lockAgent({ home }, { ...nodeHost(), fileSystem });
  await lock.release();
  expect(await fileSystem.list(home)).toEqual([]);
});
