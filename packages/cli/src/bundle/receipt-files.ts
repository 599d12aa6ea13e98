/**
 * Receipts in a bundle's folder: `receipts/<terminal>-<update>.json`, one for each update whose story the server may not know
 * yet. They are written from the queue of events, which stays as it is: whoever tells an event second tells nothing new.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { limits, nodeFileSystem, sealReceipt } from '@remendo/core';
import type { ReceiptBody, UpdateEvent } from '@remendo/core/protocol';
import type { TerminalSecret } from '../credentials.js';
import { writePlain } from './bundle-folder.js';
import { makeOwnFolder } from './object-folder.js';

const receiptsName = 'receipts';

export const receiptsFolder = (folder: string): string => join(folder, receiptsName);

export interface ReceiptOf {
  readonly application: string;
  readonly platform: string;
  readonly terminal: TerminalSecret;
  /** As they are queued. */
  readonly events: readonly UpdateEvent[];
  readonly nowMs: number;
}

/** Of one receipt; the oldest steps of the way are left out. */
const eventsMax = 500;

/**
 * Writes a receipt for each update that events are of.
 * @param folder of the bundle. @returns the paths. @throws UpdaterError STORAGE_… when the stick can not be written.
 */
export async function writeReceipts(folder: string, of: ReceiptOf): Promise<readonly string[]> {
  const byUpdate = new Map<string, UpdateEvent[]>();
  for (const event of of.events) {
    const id = event.update_id ?? '';
    byUpdate.set(id, [...(byUpdate.get(id) ?? []), event]);
  }
  const fileSystem = nodeFileSystem();
  const place = { fileSystem, folder };
  const paths: string[] = [];
  for (const [updateId, events] of byUpdate) {
    const path = join(await makeOwnFolder(place, receiptsName), `${of.terminal.id}-${safeId(updateId)}.json`);
    await writePlain(place, path, Buffer.from(JSON.stringify(sealReceipt(bodyOf(of, events), of.terminal.secret))));
    paths.push(path);
  }
  return paths;
}

/** As much as a receipt takes, the newest. */
function bodyOf({ application, platform, terminal, nowMs }: ReceiptOf, events: readonly UpdateEvent[]): ReceiptBody {
  const head = { terminal_id: terminal.id, application, platform, made_at: new Date(nowMs).toISOString() };
  let kept = events.slice(-eventsMax);
  while (kept.length > 1 && Buffer.byteLength(JSON.stringify({ ...head, events: kept })) > limits.receiptBodyBytesMax)
    kept = kept.slice(Math.ceil(kept.length / 4));
  return { ...head, events: kept };
}

/** Ids are the terminal's own; names of files have fewer characters. */
const safeId = (id: string): string =>
  /^[A-Za-z0-9_-]{1,64}$/.test(id) ? id : createHash('sha256').update(id).digest('hex').slice(0, 32);
