import type { ObjectSource } from '../download/object-source.js';
import type { FileSystem } from '../file-system/file-system.js';
import type { ReleasePath } from '../manifest/release-path.js';
import type { CodecName } from '../patch/codec-name.js';
import type { Clock, Random } from '../ports.js';
import type { InstallLayout } from '../transaction/install-layout.js';
import type { ProcessProbe } from '../transaction/process-probe.js';
import type { RunningPrograms } from '../transaction/running-programs.js';
import type { StepRunner } from '../transaction/step-runner.js';
import type { OpenPgpFile } from '../trust/openpgp-blocks.js';
import type { ReleaseTrust } from '../trust/release-trust.js';
import type { Deriver } from '../workers/deriver.js';
import type { HealthProbes } from './prove-start.js';
import type { Machine, OperatingSystem } from './requirements.js';
import type { ServerApi } from './server-api.js';
import type { Steps } from './steps.js';
import type { OnUpdateEvent } from './update-event.js';

/** The machine, as the library sees it. `nodeHost()` gives the real one; tests put others in its place. */
export interface Host {
  readonly fileSystem: FileSystem;
  readonly clock: Clock;
  readonly random: Random;
  readonly processes: ProcessProbe;
  readonly deriver: Deriver;
  /** Runs the steps around a swap. Left out: an install with steps can not be updated. */
  readonly steps?: StepRunner;
  /** For health rules by port, file and command. */
  readonly probes?: HealthProbes;
  /** Tells what runs from the install root: nothing is swapped under it. Left out, nobody looks. */
  readonly programs?: RunningPrograms;
  /** Left out, releases that require a system are refused. */
  readonly operatingSystem?: OperatingSystem;
  readonly fetch?: typeof globalThis.fetch;
}

/** Files of the application that are going to be swapped. */
export interface SwapAhead {
  readonly kind: 'update' | 'repair' | 'rollback';
  /** That is put in place, put in order, or taken back. */
  readonly version: string;
  /** What the release says of itself; false but for updates. */
  readonly requiresBackup: boolean;
}

/**
 * Asked before anything of an update or a repair is downloaded by `update` or `repair`, again before the swap, and before a
 * rollback that somebody asks for. An update that does not prove healthy goes back without a question.
 * @throws UpdaterError BACKUP_MISSING, INSTALL_ON_HOLD, … to keep the install as it is for now.
 */
export type InstallGate = (swap: SwapAhead) => Promise<void>;

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
  readonly steps: Steps;
  readonly componentVersion: Machine['componentVersion'];
  readonly gate: InstallGate;
  readonly emit: OnUpdateEvent;
}
