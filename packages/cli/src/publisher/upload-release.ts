/** Sends a zip to the server as multipart/form-data, streamed from disk. */
import { openAsBlob } from 'node:fs';
import { httpFailure, limits, parseServerUrl, UpdaterError, urlBelow } from '@remendo/core';
import { type PublishedRelease, parsePublishAnswer } from './release-answer.js';

export interface UploadInput {
  readonly server: string;
  readonly allowInsecure: boolean;
  readonly token: string;
  readonly zipPath: string;
  /** What the server calls the file. */
  readonly fileName: string;
  /** Form fields, in this order before the file. */
  readonly fields: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

/**
 * Not repeated by itself; whoever repeats it publishes nothing twice.
 *
 * By fetch itself: ky clones every request for its repetitions, and a clone of a body keeps all of it in memory.
 * @throws UpdaterError DOWNLOAD_FAILED, DOWNLOAD_INSECURE, or the code the server names.
 */
export async function uploadRelease(
  input: UploadInput,
): Promise<{ readonly alreadyPublished: boolean; readonly release: PublishedRelease }> {
  const url = urlBelow(parseServerUrl(input.server, input.allowInsecure), 'api/v1/releases');
  const form = new FormData();
  for (const [name, value] of Object.entries(input.fields)) form.append(name, value);
  form.append('file', await openAsBlob(input.zipPath, { type: 'application/zip' }), input.fileName);
  const response = await send(url, input, form);
  const text = await readText(response, input.signal);
  if (response.status < 200 || response.status > 299) throw httpFailure(response.status, text);
  try {
    return parsePublishAnswer(JSON.parse(text));
  } catch (cause) {
    if (cause instanceof UpdaterError) throw cause;
    throw new UpdaterError('DOWNLOAD_FAILED', 'the answer is not what was expected', { cause });
  }
}

async function send(url: URL, { token, signal }: UploadInput, body: FormData): Promise<Response> {
  try {
    // A redirect would take the token along.
    return await fetch(url, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, accept: 'application/json' },
      body,
      redirect: 'manual',
      signal,
    });
  } catch (cause) {
    signal.throwIfAborted();
    throw new UpdaterError('DOWNLOAD_FAILED', `the upload to ${url.origin} did not succeed`, {
      details: { origin: url.origin },
      cause,
    });
  }
}

async function readText(response: Response, signal: AbortSignal): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const chunk of response.body ?? []) {
      bytes += chunk.length;
      if (bytes > limits.answerBytesMax) break;
      chunks.push(chunk);
    }
  } catch (cause) {
    signal.throwIfAborted();
    throw new UpdaterError('DOWNLOAD_FAILED', "the server's answer broke off", { cause });
  }
  return Buffer.concat(chunks).toString('utf8');
}
