/**
 * Signed metadata as files of the store: `metadata/3.root.json`, `metadata/timestamp.json`, …, so that a bucket or a CDN in
 * front of it serves what this server does. Versioned names never change; the timestamp is written last, so that what it
 * leads to is there before it.
 */
import { errorChain } from '@remendo/core';
import type { FastifyBaseLogger } from 'fastify';
import { sql } from 'kysely';
import type { Db } from '../database/open-database.js';
import type { ObjectStore } from '../object-store/object-store.js';

interface MetadataFolderPorts {
  readonly db: Db;
  readonly objects: ObjectStore;
  readonly log: FastifyBaseLogger;
}

export class MetadataFolder {
  #tail: Promise<void> = Promise.resolve();
  /** Names that this process has written: they never change. */
  readonly #written = new Set<string>();

  constructor(private readonly ports: MetadataFolderPorts) {}

  /** Brings the folder up to date. A failure is logged and no more: terminals of this server do not read it. */
  write(): Promise<void> {
    this.#tail = this.#tail
      .then(() => this.#writeMissing())
      .catch((error) => {
        this.ports.log.error(
          { event: 'metadata_folder_failed', errors: errorChain(error) },
          'the metadata folder is not up to date',
        );
      });
    return this.#tail;
  }

  /** One server at a time: the last to write is the last to have looked. */
  async #writeMissing(): Promise<void> {
    const { db, objects } = this.ports;
    await db.transaction().execute(async (tx) => {
      await sql`select pg_advisory_xact_lock(${folderLock})`.execute(tx);
      const known = await tx.selectFrom('signed_metadata').select(['role', 'version']).where('role', '!=', 'timestamp').execute();
      for (const { role, version } of known) {
        const name = `metadata/${version}.${role}.json`;
        if (this.#written.has(name)) continue;
        const { body } = await tx
          .selectFrom('signed_metadata')
          .where('role', '=', role)
          .where('version', '=', version)
          .select('body')
          .executeTakeFirstOrThrow();
        await objects.writeNamed(name, Buffer.from(body));
        this.#written.add(name);
      }
      const timestamp = await tx
        .selectFrom('signed_metadata')
        .where('role', '=', 'timestamp')
        .select('body')
        .orderBy('version', 'desc')
        .executeTakeFirst();
      if (timestamp !== undefined) await objects.writeNamed('metadata/timestamp.json', Buffer.from(timestamp.body));
    });
  }
}

/** Any number that nothing else in this database locks. */
const folderLock = 7_346_103;
