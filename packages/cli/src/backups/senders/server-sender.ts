/** Results as reports to the server, which tells whoever watches there and notices when they stop. */
import { answerValidator, type HttpClient, hasCode, isUpdaterError } from '@remendo/core';
import { type BackupReport, BackupReportsAnswer } from '@remendo/core/protocol';
import { detailOf } from '../alert-text.js';
import { storableText } from '../finding.js';
import { serverTarget } from '../parse-backups.js';
import type { BackupMessage } from '../records.js';
import { type MessageSender, type Place, refused } from './message-sender.js';

const validate = answerValidator(BackupReportsAnswer);
/** BackupReport. */
const detailCharactersMax = 4_000;
const filesMax = 2_147_483_647;

export const serverSender = (http: HttpClient, { branch, terminal }: Place): MessageSender => ({
  target: serverTarget,
  wants: 'results',
  batchMax: 100,
  async send(messages, _attempt, signal) {
    const body = { reports: messages.map((message) => reportOf(message, branch)) };
    const headers = { 'x-terminal-id': terminal };
    try {
      // Known by their ids, so they may be sent again.
      await http.json('api/v1/backups/reports', { body, headers, validate, signal, idempotent: true });
    } catch (error) {
      // What is too large together is not one by one.
      const isTooLarge = isUpdaterError(error) && error.details.status === 413;
      throw isTooLarge || hasCode(error, 'REQUEST_INVALID')
        ? refused('the server does not take this report', { cause: error })
        : error;
    }
  },
});

export function reportOf(message: BackupMessage, branch: string | null): BackupReport {
  const { job, result, intervalSeconds, graceSeconds } = message;
  const { id, state, files, totalBytes, newest, atMs } = result;
  const detail = storableText(detailOf(result), detailCharactersMax);
  return {
    ...{ report_id: id, job, state, interval_seconds: intervalSeconds, grace_seconds: graceSeconds },
    ...(branch === null ? {} : { branch }),
    ...{ files: Math.min(files, filesMax), total_bytes: totalBytes },
    ...(newest === null ? {} : { newest_at: new Date(newest.atMs).toISOString() }),
    ...(detail === '' ? {} : { detail }),
    at: new Date(atMs).toISOString(),
  };
}
