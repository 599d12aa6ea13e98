/** Changes as signed POST requests, in the form that the server's webhooks have (docs/operating/notifications.md). */
import { createHmac } from 'node:crypto';
import { type Clock, parseRetryAfter } from '@remendo/core';
import { alertText, detailOf } from '../alert-text.js';
import type { WebhookTarget } from '../parse-target.js';
import type { BackupMessage } from '../records.js';
import { failed, isRefusal, type MessageSender, type Place, refused } from './message-sender.js';

export interface WebhookPorts {
  readonly clock: Pick<Clock, 'now'>;
  readonly fetch: typeof globalThis.fetch;
}

export const webhookSender = (target: WebhookTarget, place: Place, { clock, fetch }: WebhookPorts): MessageSender => ({
  target: target.name,
  wants: 'changes',
  batchMax: 1,
  async send(messages, _attempt, signal) {
    for (const message of messages) {
      const body = bodyOf(message, target, place);
      const timestamp = String(Math.floor(clock.now() / 1_000));
      const headers = {
        'content-type': 'application/json',
        'user-agent': 'Remendo',
        'x-remendo-event-id': message.id,
        'x-remendo-timestamp': timestamp,
        'x-remendo-signature': `v1=${createHmac('sha256', target.secret).update(`${timestamp}.${body}`).digest('hex')}`,
      };
      const answer = await fetch(target.url, { method: 'POST', headers, body, redirect: 'manual', signal }).catch((cause) => {
        signal.throwIfAborted();
        throw failed('the webhook could not be reached', { details: hostOf(target.url), cause: reasonOf(cause) });
      });
      await answer.body?.cancel();
      throwUnlessOk(answer, target.url, clock.now());
    }
  },
});

function bodyOf(message: BackupMessage, { language }: WebhookTarget, place: Place): string {
  const { id, job, result, stateBefore } = message;
  const { kind, subject, body } = alertText(message, language, place.name);
  const at = new Date(result.atMs).toISOString();
  const data = {
    ...{ job, branch: place.branch ?? '', terminal: place.terminal, state: result.state, state_before: stateBefore },
    ...{ checked_at: at, detail: detailOf(result), files: result.files, total_bytes: result.totalBytes },
  };
  return JSON.stringify({ id, kind, subject, body, created_at: at, data });
}

/** Its path may be a secret. */
const hostOf = (url: string) => ({ host: new URL(url).host });
const reasonOf = (error: unknown): Error => {
  const cause = (error as { cause?: unknown }).cause;
  return cause instanceof Error ? cause : new Error(error instanceof Error ? error.message : String(error));
};

function throwUnlessOk({ status, headers }: Response, url: string, nowMs: number): void {
  if (status >= 200 && status < 300) return;
  const retryAfterMs = parseRetryAfter(headers.get('retry-after'), nowMs);
  const details = { ...hostOf(url), status, ...(retryAfterMs === null ? {} : { retryAfterMs }) };
  throw isRefusal(status)
    ? refused('the webhook was refused', { details })
    : failed('the webhook could not be delivered now', { details });
}
