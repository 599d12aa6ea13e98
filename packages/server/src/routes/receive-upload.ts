/** A multipart form on its way in: fields in memory, the one file to disk, hashed as it comes. */
import { randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { MultipartFile } from '@fastify/multipart';
import { DigestStream, UpdaterError } from '@remendo/core';
import type { FastifyRequest } from 'fastify';
import { requireStorable } from '../plugins/request-text.js';
import type { UploadedZip } from '../releases/publish-release.js';

export interface Upload {
  readonly fields: ReadonlyMap<string, string>;
  readonly zip: UploadedZip;
}

const fieldBytesMax = 64 * 1024;

/**
 * Receives the form and hands it to `use`; the file is gone afterwards, unless somebody has moved it.
 * @throws UpdaterError REQUEST_INVALID for a form that is malformed, cut off, or has no file `file`; LIMIT_EXCEEDED.
 */
export async function withUpload<Result>(
  request: FastifyRequest,
  options: { readonly folder: string; readonly bytesMax: number },
  use: (upload: Upload) => Promise<Result>,
): Promise<Result> {
  if (!request.isMultipart())
    throw new UpdaterError('REQUEST_INVALID', 'the body has to be a form (multipart/form-data) with a file named file');
  await mkdir(options.folder, { recursive: true });
  const path = join(options.folder, randomUUID());
  try {
    const upload = await receive(request, path, options.bytesMax);
    // Reading a large zip takes a while in which nothing moves on the connection.
    request.raw.socket.setTimeout(0);
    return await use(upload);
  } finally {
    await rm(path, { force: true });
  }
}

async function receive(request: FastifyRequest, path: string, bytesMax: number): Promise<Upload> {
  const fields = new Map<string, string>();
  let zip: UploadedZip | undefined;
  try {
    const limits = { fileSize: bytesMax, files: 1, fields: 32, fieldSize: fieldBytesMax, headerPairs: 64 };
    for await (const part of request.parts({ limits })) {
      if (part.type === 'file') zip = await receiveFile(part, path, bytesMax);
      else fields.set(part.fieldname, requireStorable('a field', fieldValue(part.value, part.valueTruncated)));
    }
  } catch (cause) {
    throw asUploadError(cause);
  }
  if (zip === undefined) throw new UpdaterError('REQUEST_INVALID', 'the form has no file');
  return { fields, zip };
}

async function receiveFile(part: MultipartFile, path: string, bytesMax: number): Promise<UploadedZip> {
  if (part.fieldname !== 'file') throw new UpdaterError('REQUEST_INVALID', 'the file of the form has to be named file');
  const digest = new DigestStream();
  let bytes = 0;
  const hash = async function* (chunks: AsyncIterable<Buffer>) {
    for await (const chunk of chunks) {
      digest.update(chunk);
      bytes += chunk.length;
      yield chunk;
    }
  };
  await pipeline(part.file, hash, createWriteStream(path, { flags: 'wx' }));
  if (part.file.truncated)
    throw new UpdaterError('LIMIT_EXCEEDED', `a zip may have at most ${bytesMax} bytes`, { details: { bytesMax } });
  return { path, bytes, sha256: digest.digest(), fileName: part.filename };
}

function fieldValue(value: unknown, truncated: boolean): string {
  if (truncated) throw new UpdaterError('LIMIT_EXCEEDED', `a field may have at most ${fieldBytesMax} bytes`);
  if (typeof value !== 'string') throw new UpdaterError('REQUEST_INVALID', 'the fields of the form have to be text');
  return value;
}

function asUploadError(cause: unknown): unknown {
  if (cause instanceof UpdaterError) return cause;
  const { statusCode, code, syscall } = cause as { statusCode?: number; code?: string; syscall?: string };
  if (statusCode === 413) return new UpdaterError('LIMIT_EXCEEDED', (cause as Error).message, { cause });
  if (code === 'ENOSPC') return new UpdaterError('STORAGE_NO_SPACE', 'the upload does not fit on the disk', { cause });
  if (syscall === 'open' || syscall === 'write')
    return new UpdaterError('STORAGE_FAILED', 'the upload could not be written', { cause });
  return new UpdaterError('REQUEST_INVALID', 'the form is malformed or was cut off', { cause });
}
