import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hostileTargetVersion } from '@remendo/core/testing';
import { startServer } from '../demo/programs.js';
import type { Door } from './doors.js';
import { differences, snapshotOf, textHarm } from './folder-harm.js';

const token = 'a-token-for-hostile-uploads-only';
/** All uploads come from one address, and soon after each other. */
const limitsAway = ['--requests-per-minute', '1000000', '--sign-ins-per-minute', '1000000', '--log-level', 'error'];

/** A real server, to which zips are published over HTTP. */
export async function openUploadDoor(): Promise<Door> {
  const folder = await mkdtemp(join(tmpdir(), 'remendo-hostile-server-'));
  const server = await startServer(folder, token, limitsAway);
  const publish = (zip: Uint8Array): Promise<Response> => {
    const form = new FormData();
    form.set('application', 'erp');
    form.set('version', hostileTargetVersion);
    form.set('file', new Blob([new Uint8Array(zip)]), 'release.zip');
    return fetch(`${server.url}/api/v1/releases`, { method: 'POST', headers: { authorization: `Bearer ${token}` }, body: form });
  };
  // The folders are made by the first upload. The database writes when it likes; objects and uploads are files of their own.
  await publish(new Uint8Array());
  const stored = () => snapshotOf(folder, ['database', 'lock', 'log']);
  const before = stored();
  return {
    isElsewhere: true,
    async bring(input) {
      if (input.kind !== 'zip') return [];
      const response = await publish(input.bytes);
      const text = await response.text();
      const { code } = JSON.parse(text) as { readonly code?: string };
      const harm = [...differences(before, stored(), 'the server'), ...textHarm('its answer', text)];
      return [{ door: 'upload', code: response.ok ? null : String(code), harm }];
    },
    async close() {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
