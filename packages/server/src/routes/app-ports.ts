import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type {
  FastifyBaseLogger,
  FastifyInstance,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
} from 'fastify';
import type { ServerConfig } from '../config.js';
import type { Database } from '../database/open-database.js';
import type { DeltaQueue } from '../jobs/delta-queue.js';
import type { ObjectStore } from '../object-store/object-store.js';
import type { PlanService } from '../plans/plan-service.js';
import type { ManifestReader } from '../releases/manifest-object.js';
import type { VersionsFolder } from '../releases/versions-folder.js';

/** What the routes work with. */
export interface AppPorts {
  readonly config: ServerConfig;
  readonly database: Database;
  readonly objects: ObjectStore;
  readonly manifests: ManifestReader;
  readonly plans: PlanService;
  readonly deltas: DeltaQueue;
  readonly versions: VersionsFolder;
  /** Where uploads lie until they are published; emptied at every start. */
  readonly uploadsFolder: string;
}

export type App = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>;
