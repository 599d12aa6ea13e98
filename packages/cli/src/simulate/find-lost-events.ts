/** Holds what a fleet told against what the server's log says: everything once, and nothing else. */
import { createHttpClient, nodeHost } from '@remendo/core';
import { fieldsOf, listOf, textOf } from './answers.js';
import type { FleetRun } from './run-fleet.js';

export interface LoggedEvents {
  /** Events of this fleet in the log. */
  readonly found: number;
  /** Delivered and not in the log. */
  readonly missing: number;
  /** More than once in the log. */
  readonly repeated: number;
}

export interface LogAccess {
  readonly server: string;
  readonly allowInsecure: boolean;
  /** An operator's. */
  readonly token: string;
  readonly signal: AbortSignal;
}

const pageEvents = 500;

/** Reads the log, the newest first, back to the start of the run. @throws as the HTTP client. */
export async function findLostEvents(
  run: Pick<FleetRun, 'name' | 'startedAt' | 'delivered'>,
  access: LogAccess,
): Promise<LoggedEvents> {
  const { clock, random } = nodeHost();
  const credentials = () => ({ authorization: `Bearer ${access.token}` });
  const http = createHttpClient({ serverUrl: access.server, allowInsecure: access.allowInsecure, credentials, clock, random });
  const missing = new Set(run.delivered);
  const seen = new Set<string>();
  let repeated = 0;
  for (let after: string | null = null; ; ) {
    const page: LogPage = await http.json('api/v1/updates/log', {
      query: { limit: pageEvents, since: run.startedAt.toISOString(), after: after ?? undefined },
      answerBytesMax: pageBytesMax,
      validate: parsePage,
      signal: access.signal,
    });
    for (const id of page.ids.filter((one) => one.startsWith(run.name))) {
      if (seen.has(id)) repeated += 1;
      seen.add(id);
      missing.delete(id);
    }
    after = page.next;
    if (after === null) return { found: seen.size, missing: missing.size, repeated };
  }
}

interface LogPage {
  readonly ids: readonly string[];
  readonly next: string | null;
}

/** 500 events with everything in them that may be. */
const pageBytesMax = 16 * 1024 * 1024;

function parsePage(value: unknown): LogPage {
  const fields = fieldsOf(value, 'page of the log');
  const ids = listOf(fields, 'events').map((event) => textOf(fieldsOf(event, 'event'), 'event_id'));
  return { ids, next: fields.next === null ? null : textOf(fields, 'next') };
}
