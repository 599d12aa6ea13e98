/** Repair: the blocks in which a terminal's damaged files differ from the release that is installed there. */
import { Readable } from 'node:stream';
import { blockCountOf, blockDigestCharacters, blockSizes, type Digest, UpdaterError } from '@remendo/core';
import { BlocksRequest } from '@remendo/core/protocol';
import { sql } from 'kysely';
import { addressKey } from '../plugins/address-key.js';
import { type ContentToCompare, compareBlocks } from '../releases/compare-blocks.js';
import { OpenAnswers } from '../releases/open-answers.js';
import { requireBuild, requireLicence } from '../releases/release-access.js';
import type { BuildRecord } from '../releases/release-records.js';
import { terminalKeyOf } from '../terminals/sightings.js';
import type { App, AppPorts } from './app-ports.js';
import { AskedHeaders, AskedQuery } from './request-shapes.js';
import { findAsked } from './update-routes.js';

/** Each costs the server up to 4 MB while it is read. */
const answersMax = { openMax: 32, openOfOneMax: 4, openOfAddressMax: 8 };
/** An answer is ended then, and the rest is asked for again; twice as long after its beginning it is cut off, whoever reads it. */
const answerMsMax = 600_000;
/** Inflated and hashed for one request. */
const comparedBytesMax = 8 * 1024 ** 3;

export function blockRoutes(app: App, ports: AppPorts): void {
  const answers = new OpenAnswers(answersMax);
  const schema = {
    tags: ['updates'],
    summary: 'The blocks in which damaged files differ from contents of a release',
    querystring: AskedQuery,
    headers: AskedHeaders,
    body: BlocksRequest,
    response: {
      200: {
        description: 'Frames of blocks, each with a head of 16 bytes',
        content: { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } },
      },
    },
  };
  app.post('/api/v1/updates/blocks', { schema, config: { countedAs: 'plan' } }, async (request, reply) => {
    const { body, principal, headers, ip } = request;
    const { licensed, ...asked } = await findAsked(ports, request);
    const build = requireBuild(asked.view, principal, { ...asked, version: body.version });
    const { contents, releasedAt } = await findContents(ports, build, body.contents);
    requireLicence(licensed, releasedAt);
    const name = terminalKeyOf(principal, headers['x-terminal-id'] as string | undefined, ip);
    const end = answers.begin({ name, address: principal.kind === 'anonymous' ? addressKey(ip) : null });
    const overAt = Date.now() + answerMsMax;
    const frames = compareBlocks(ports.objects, contents, {
      zip: build.zip_object as Digest,
      onlyWhich: body.only_which === true,
      isOver: (comparedBytes) => Date.now() > overAt || comparedBytes >= comparedBytesMax,
    });
    const stream = Readable.from(frames, { objectMode: false, highWaterMark: 256 * 1024 });
    const cut = setTimeout(() => stream.destroy(new Error('nobody reads this answer')), 2 * answerMsMax).unref();
    stream.once('close', () => {
      clearTimeout(cut);
      end();
    });
    return reply
      .type('application/octet-stream')
      .header('cache-control', 'private, no-store')
      .send(stream as never);
  });
}

/** @throws UpdaterError REQUEST_INVALID for what is not a content of the release, or blocks it can not be cut into. */
async function findContents(
  { database: { db } }: AppPorts,
  build: BuildRecord,
  asked: BlocksRequest['contents'],
): Promise<{ readonly contents: readonly ContentToCompare[]; readonly releasedAt: Date | null }> {
  const digests = [...new Set(asked.map(({ sha256 }) => sha256))];
  const rows = await db
    .selectFrom('content')
    .where('object', '=', build.zip_object)
    .where('sha256', '=', sql<string>`any(${digests}::text[])`)
    .selectAll()
    .execute();
  const found = new Map(rows.map((row) => [row.sha256, row]));
  // As for the zip itself: the first release that it was, or began to be.
  const { rows: released } = await sql<{ readonly at: Date | null }>`
    select min(coalesce(release.released_at, release.created_at)) as at
    from build join release on release.id = build.release_id where build.zip_object = ${build.zip_object}`.execute(db);
  const contents = asked.map(({ sha256, block_bytes: blockBytes, digests }): ContentToCompare => {
    const row = found.get(sha256);
    const isCut = blockSizes.includes(blockBytes) && digests.length % blockDigestCharacters === 0;
    if (row === undefined || !isCut || digests.length / blockDigestCharacters > blockCountOf(row.bytes, blockBytes)) {
      const why = row === undefined ? 'is not a content of' : 'can not be cut like this in';
      const message = `${sha256} ${why} ${build.application} ${build.version}`;
      throw new UpdaterError('REQUEST_INVALID', message, { details: { sha256 } });
    }
    const { bytes, offset, encoded_bytes: encodedBytes, encoding } = row;
    return { sha256, bytes, blockBytes, digests, offset, encodedBytes, encoding };
  });
  return { contents, releasedAt: released[0]?.at ?? null };
}
