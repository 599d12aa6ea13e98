import type { ObjectSource } from '../download/object-source.js';
import type { FileSystem } from '../file-system/file-system.js';
import type { ReleasePath } from '../manifest/release-path.js';
import type { CodecName } from '../patch/codec-name.js';
import type { Clock, Random } from '../ports.js';
import type { InstallLayout } from '../transaction/install-layout.js';
import type { ProcessProbe } from '../transaction/process-probe.js';
import type { OpenPgpFile } from '../trust/openpgp-blocks.js';
import type { ReleaseTrust } from '../trust/release-trust.js';
import type { Deriver } from '../workers/deriver.js';
import type { ServerApi } from './server-api.js';
import type { OnUpdateEvent } from './update-event.js';

/** The machine, as the library sees it. `nodeHost()` gives the real one; tests put others in its place. */
export interface Host {
  readonly fileSystem: FileSystem;
  readonly clock: Clock;
  readonly random: Random;
  readonly processes: ProcessProbe;
  readonly deriver: Deriver;
  readonly fetch?: typeof globalThis.fetch;
}

/** What every stage of an update needs. */
export interface UpdateContext {
  readonly host: Host;
  readonly layout: InstallLayout;
  /** As configured; null: what is installed, else whatever the server plans for. */
  readonly application: string | null;
  /** As configured; null: what is installed, else whatever the server plans for. */
  readonly platform: string | null;
  readonly channel: string;
  /** Of patches: what is announced, and all that is taken. */
  readonly codecs: readonly CodecName[];
  readonly isPreserved: (path: ReleasePath) => boolean;
  readonly bandwidthBytesPerSecond?: number;
  readonly api: ServerApi;
  readonly source: ObjectSource;
  readonly trust: ReleaseTrust;
  /** Whoever has to have signed the full zip of a release; null: no OpenPGP signature is asked for. */
  readonly openPgpKeys: OpenPgpFile | null;
  readonly emit: OnUpdateEvent;
}
