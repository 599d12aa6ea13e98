import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type {
  FastifyBaseLogger,
  FastifyInstance,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
} from 'fastify';
import type { SignIn } from '../accounts/sign-in.js';
import type { ServerConfig } from '../config.js';
import type { Changes } from '../database/changes.js';
import type { Database } from '../database/open-database.js';
import type { DeltaWishes } from '../jobs/delta-wishes.js';
import type { JobQueue } from '../jobs/job-queue.js';
import type { Metrics } from '../metrics/metrics.js';
import type { Notifier } from '../notifications/notifier.js';
import type { ObjectStore } from '../object-store/object-store.js';
import type { PlanService } from '../plans/plan-service.js';
import type { Catalogue } from '../releases/catalogue.js';
import type { ManifestReader } from '../releases/manifest-object.js';
import type { VersionsFolder } from '../releases/versions-folder.js';
import type { MetadataFolder } from '../signing/metadata-folder.js';
import type { Signer } from '../signing/signer.js';
import type { Sightings } from '../terminals/sightings.js';

/** What the routes work with. */
export interface AppPorts {
  readonly config: ServerConfig;
  readonly database: Database;
  readonly changes: Changes;
  readonly signIn: SignIn;
  readonly catalogue: Catalogue;
  readonly sightings: Sightings;
  readonly objects: ObjectStore;
  readonly manifests: ManifestReader;
  readonly plans: PlanService;
  readonly deltaWishes: DeltaWishes;
  readonly queue: JobQueue;
  readonly metrics: Metrics;
  readonly notifier: Notifier;
  readonly versions: VersionsFolder;
  readonly signer: Signer;
  readonly metadata: MetadataFolder;
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
