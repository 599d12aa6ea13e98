/**
 * The library's main entry: one install root, one server. Nothing happens by itself; every method is one stage of an
 * update, and `update` is all of them in order.
 */
import { createHttpClient, type HttpClient, type HttpClientOptions } from '../download/http-client.js';
import { httpObjectSource } from '../download/http-object-source.js';
import type { ObjectSource } from '../download/object-source.js';
import { sourcesInOrder } from '../download/sources-in-order.js';
import { hasCode, UpdaterError } from '../errors.js';
import { manifestDigest } from '../manifest/encode-manifest.js';
import { preserveMatcher } from '../manifest/preserve.js';
import { shownVersion } from '../manifest/version.js';
import { type CodecName, codecNames } from '../patch/codec-name.js';
import { type Install, type OpenInstallOptions, openInstall, undoableTransaction } from '../transaction/install.js';
import { type InstallLayout, installLayout } from '../transaction/install-layout.js';
import type { Recovery } from '../transaction/recover.js';
import { httpMetadataSource } from '../trust/metadata-source.js';
import type { OpenPgpFile } from '../trust/openpgp-blocks.js';
import { announcedTrust, type ReleaseTrust, type TrustStatus } from '../trust/release-trust.js';
import { SignedTrust } from '../trust/signed-trust.js';
import { checkServer } from './check-server.js';
import { type DownloadedUpdate, downloadUpdate } from './download-update.js';
import { type Installed, readInstalled, readState } from './install-state.js';
import { offerPlans, type PlanOffer, type UpdatePlan } from './offer-plans.js';
import { type OfflineBundle, offlineBundle } from './offline-bundle.js';
import { confirmUpdate, maintenance, proveCommitted, rollBack } from './prove-committed.js';
import type { ApplicationStarter, HealthRule, StartCommand } from './prove-start.js';
import { assertUndisturbed, type StagedUpdate } from './put-in-place.js';
import { type RepairOptions, type RepairReport, repairInstall } from './repair-install.js';
import type { Machine } from './requirements.js';
import { prepareUpdate, stageDownloaded } from './run-update.js';
import { type AskingTerminal, createServerApi } from './server-api.js';
import type { Steps } from './steps.js';
import type { Host, InstallGate, UpdateContext } from './update-context.js';
import type { OnUpdateEvent } from './update-event.js';
import { proving, runUpdate } from './update-install.js';
import type { CheckResult, PrepareResult, StartResult, UpdateOptions, UpdateResult } from './update-options.js';
import { type VerifyOptions, type VerifyReport, verifyInstall } from './verify-install.js';

export interface UpdaterOptions {
  /** The install root, absolute: `C:\sistema\bin`. Made by the first install when it is missing. */
  readonly root: string;
  /** Address of the server: `https://updates.example.com`. Plain http is allowed to loopback only. */
  readonly server: string;
  /** The machine: `nodeHost()`. */
  readonly host: Host & { readonly starter: ApplicationStarter };
  /** Slug of the application (default: what is installed, else the server's default application). */
  readonly application?: string;
  /** `win-x64`, `linux-x64`, … (default: what is installed, else the release's only build). */
  readonly platform?: string;
  /** Default `stable`. */
  readonly channel?: string;
  /**
   * Codecs of patches that this terminal takes (default: all that this program knows). The server is told of them and plans
   * without the others, by whole contents if need be.
   */
  readonly codecs?: readonly CodecName[];
  /** Globs of files that survive every update whatever a release holds: `.env`, `storage/app/**` (default: none). */
  readonly preserve?: readonly string[];
  /** The updater's own folder (default `<root>/.remendo`); on the same volume as the root. */
  readonly home?: string;
  /** For all downloads together (default: no limit). */
  readonly bandwidthBytesPerSecond?: number;
  /**
   * A bundle that `remendo bundle` wrote, on a stick for example: it is asked in the place of the server, verified as online
   * (default: none). With `hasServer` objects that it lacks come from the server; else nothing is asked of the network.
   */
  readonly offline?: { readonly folder: string; readonly hasServer?: boolean; readonly pieceBytes?: number };
  /** Asked before the server, in order: a folder on a stick, a relay. They need no trust. */
  readonly sources?: readonly ObjectSource[];
  /**
   * What makes a release believed (default: signatures, from the root that `setup` put into `.remendo/trust/root.json` on;
   * without one nothing is installed).
   */
  readonly trust?: TrustPolicy;
  /**
   * OpenPGP public keys, armored or binary: the full zip of a release then has to carry a valid detached signature by one of
   * them, too. It is all that the signature covers, so such a terminal fetches every release whole (default: none is asked for).
   */
  readonly openPgpKeys?: OpenPgpFile;
  /** Timeouts, retries, credentials, and whether plain http may leave this machine. */
  readonly http?: Pick<HttpClientOptions, 'credentials' | 'timeouts' | 'retries' | 'allowInsecure'>;
  /** Commands around the swap, journaled and undone when anything fails (default: none). Needs `host.steps`. */
  readonly steps?: Steps;
  /**
   * The version of a component that a release may require, `php` for example, as the component itself says it; null where it is
   * not there (default: none is known, so releases that require components are refused).
   */
  readonly componentVersion?: Machine['componentVersion'];
  /** Whether files may be swapped now; see `InstallGate` (default: they may). */
  readonly gate?: InstallGate;
  /** What it throws is dropped: who looks on can not stop a swap half-way. `signal` stops an update. */
  readonly onEvent?: OnUpdateEvent;
}

export type TrustPolicy =
  | {
      readonly kind: 'signed';
      /** TUF root metadata that the embedder ships (default: `.remendo/trust/root.json`). */
      readonly root?: Uint8Array;
      /** Without any root, take the server's first one and keep it (default false): as safe as that first connection. */
      readonly firstUse?: boolean;
      /** A folder of this machine's disk to check metadata in (default: `.remendo/trust`). */
      readonly scratchFolder?: string;
    }
  /** The server is believed: for closed networks and tests. */
  | { readonly kind: 'announced' };

export interface Updater {
  /** Asks the server whether there is something newer. Touches nothing. */
  check(options?: Pick<UpdateOptions, 'retry' | 'allowDowngrade' | 'signal'>): Promise<CheckResult>;
  /** The offered ways to a release, cheapest first, with what each costs this terminal. */
  plan(version: string, options?: { readonly signal?: AbortSignal }): Promise<UpdatePlan>;
  /** Fetches what one offer needs (default: the cheapest); goes on where an earlier call stopped. */
  download(plan: UpdatePlan, options?: { readonly offer?: PlanOffer; readonly signal?: AbortSignal }): Promise<DownloadedUpdate>;
  /**
   * Fetches all that `update` would fetch now, and changes nothing: a later `update` needs the network for a few questions
   * only. Goes on where an earlier call stopped. @throws UpdaterError as `update` does until it has downloaded.
   */
  prepare(options?: Pick<UpdateOptions, 'version' | 'retry' | 'allowDowngrade' | 'signal'>): Promise<PrepareResult>;
  /** Builds and proves every changed file beside the install. Holds the install's lock until commit or discard. */
  stage(downloaded: DownloadedUpdate, options?: { readonly signal?: AbortSignal }): Promise<StagedSession>;
  /** All stages in order, with fallbacks; see `UpdateOptions`. */
  update(options?: UpdateOptions): Promise<UpdateResult>;
  /** Accepts a committed update: it is no longer rolled back by itself. False when none is waiting. */
  confirm(): Promise<boolean>;
  /**
   * Starts the application. An update that still has to prove itself is confirmed when the application comes up, else it
   * is rolled back and the version before is started.
   */
  start(command: StartCommand, options?: { readonly health?: HealthRule }): Promise<StartResult>;
  /**
   * Goes back to what the last update replaced; that version is not tried again by itself.
   * @throws UpdaterError TRANSACTION_NO_WAY_BACK; INSTALL_IN_USE, and what the gate throws, before anything was touched.
   */
  rollback(reason?: string): Promise<{ readonly version: string | null }>;
  /** Finishes or undoes what a crash left. Every method that touches the install does this first. */
  recover(): Promise<Recovery['kind']>;
  /** What is installed. Reads three small files. */
  status(): Promise<Installed>;
  /** Where trust stands; reads two small files. */
  trust(): Promise<TrustStatus>;
  /** Holds every installed file against its manifest. */
  verify(options?: VerifyOptions): Promise<VerifyReport>;
  /**
   * Puts the installed release in order and fetches only what is damaged, as blocks of files where it can; an install that has
   * forgotten which release it is is recognised by its files, and a journal that can not be read is set aside.
   */
  repair(options?: RepairOptions): Promise<RepairReport>;
  /** Ends the workers. */
  close(): Promise<void>;
}

/** A staged update with the install's lock. One of the two has to be called. */
export interface StagedSession {
  readonly changedFiles: number;
  /** Swaps the files in. Afterwards the new version is installed and waits for `confirm` or `rollback`. */
  commit(): Promise<void>;
  /** Throws the staged files away; the install is as it was. */
  discard(): Promise<void>;
}

/**
 * An updater for one install root. Several may exist for one root, also in other processes: the lock lets one work.
 * @throws UpdaterError CONFIG_INVALID or DOWNLOAD_INSECURE for a server address that may not be talked to.
 */
export function createUpdater(options: UpdaterOptions): Updater {
  const { host } = options;
  const context = createContext(options);
  const locked = <T>(use: (install: Install) => Promise<T>): Promise<T> => withInstall(context, use);
  return {
    check: (checkOptions) => checkServer(context, checkOptions),
    plan: (version, { signal } = {}) => offerPlans(context, version, signal === undefined ? {} : { signal }),
    prepare: (prepareOptions = {}) => locked((install) => prepareUpdate(context, install, prepareOptions)),
    async download(plan, { offer = plan.offers[0], signal } = {}) {
      if (offer === undefined) throw new UpdaterError('PLAN_IMPOSSIBLE', `there is no plan that reaches ${plan.release.version}`);
      return locked(() => downloadUpdate(context, plan, offer, signal));
    },
    async stage(downloaded, { signal } = {}) {
      const install = await open(context);
      try {
        await assertUnchanged(context, downloaded);
        return session(context, install, await stageDownloaded(context, install, downloaded, signal));
      } catch (error) {
        await install.close();
        throw error;
      }
    },
    update: (updateOptions = {}) => locked((install) => runUpdate(context, { install, starter: host.starter, ...updateOptions })),
    confirm: () =>
      locked(async (install) => {
        const waiting = committedTransaction(install);
        if (waiting !== null) await confirmUpdate(context, waiting);
        return waiting !== null;
      }),
    start: (command, { health } = {}) =>
      locked(async (install): Promise<StartResult> => {
        assertNotHeld(install);
        const waiting = committedTransaction(install);
        if (waiting === null) return { kind: 'started', running: host.starter.start(command) };
        const verdict = await proveCommitted(context, waiting, { ...proving(host.starter, command, health), keepsDownloads: true });
        return verdict.kind === 'confirmed' ? verdict : { ...verdict, running: host.starter.start(command) };
      }),
    rollback: (reason = 'asked for') =>
      locked(async (install) => {
        const undone = undoableTransaction(install);
        await assertUndisturbed(context, 'rollback', undone.target.version);
        await rollBack(context, undone, reason);
        const { version } = await readInstalled(host.fileSystem, context.layout);
        return { version: version === null ? null : shownVersion(version) };
      }),
    recover: () => locked(async (install) => install.recovery.kind),
    status: () => readInstalled(host.fileSystem, context.layout),
    trust: () => context.trust.status(),
    verify: (verifyOptions) => locked(() => verifyInstall(context, verifyOptions)),
    repair: (repairOptions) =>
      withInstall(context, (install) => repairAside(context, install, repairOptions), { setDamagedJournalAside: true }),
    close: () => host.deriver.close(),
  };
}

function createContext(options: UpdaterOptions): UpdateContext {
  const { host } = options;
  const layout = installLayout(options.root, options.home);
  const http = createHttpClient({
    serverUrl: options.server,
    clock: host.clock,
    random: host.random,
    ...(host.fetch === undefined ? {} : { fetch: host.fetch }),
    ...options.http,
  });
  const { channel = 'stable', codecs = codecNames, offline } = options;
  const emit = unthrowing(options.onEvent ?? (() => {}));
  const bundle = offline === undefined ? null : offlineBundle({ fileSystem: host.fileSystem, ...offline });
  const asking = async (): Promise<AskingTerminal> => {
    const state = await readState(host.fileSystem, layout);
    return {
      application: options.application ?? state?.application ?? null,
      platform: options.platform ?? state?.platform ?? null,
      terminalId: state?.terminalId ?? null,
    };
  };
  const networked = [...(options.sources ?? []), httpObjectSource({ client: http })];
  return {
    host,
    layout,
    application: options.application ?? null,
    platform: options.platform ?? null,
    channel,
    codecs,
    isPreserved: preserveMatcher(options.preserve ?? []),
    ...(options.bandwidthBytesPerSecond === undefined ? {} : { bandwidthBytesPerSecond: options.bandwidthBytesPerSecond }),
    api:
      bundle?.api({ channel, asking, hasOthers: offline?.hasServer ?? false }) ??
      createServerApi(http, { channel, codecs, asking }),
    source: sourcesInOrder(bundle === null ? networked : [bundle.source, ...(offline?.hasServer === true ? networked : [])]),
    trust: trustOf(options, { http, layout, bundle, emit }),
    openPgpKeys: options.openPgpKeys ?? null,
    steps: options.steps ?? {},
    componentVersion: options.componentVersion ?? (() => Promise.resolve(null)),
    gate: options.gate ?? (() => Promise.resolve()),
    emit,
  };
}

interface TrustParts {
  readonly http: HttpClient;
  readonly layout: InstallLayout;
  readonly bundle: OfflineBundle | null;
  readonly emit: OnUpdateEvent;
}

function trustOf({ host, trust = { kind: 'signed' } }: UpdaterOptions, { http, layout, bundle, emit }: TrustParts): ReleaseTrust {
  if (trust.kind === 'announced') return announcedTrust();
  const { kind: _kind, ...given } = trust;
  const common = {
    fileSystem: host.fileSystem,
    clock: host.clock,
    folder: layout.trust,
    ...given,
    onRootTaken: (keyIds: readonly string[]) => emit({ kind: 'root-taken', keyIds }),
  };
  return bundle?.trust(common) ?? new SignedTrust({ ...common, source: httpMetadataSource(http) });
}

const unthrowing =
  (onEvent: OnUpdateEvent): OnUpdateEvent =>
  (event) => {
    try {
      onEvent(event);
    } catch {
      // See `UpdaterOptions.onEvent`.
    }
  };

async function open(context: UpdateContext, options: Pick<OpenInstallOptions, 'setDamagedJournalAside'> = {}): Promise<Install> {
  const { fileSystem, clock, random, processes, steps } = context.host;
  const ports = { fileSystem, clock, random, processes, ...(steps === undefined ? {} : { steps }) };
  const install = await openInstall(ports, context.layout, { onEvent: context.emit, ...options });
  const { recovery } = install;
  const why = recovery.kind === 'rolled-back' ? { reason: recovery.reason } : {};
  if (recovery.kind !== 'nothing-to-do') context.emit({ kind: 'recovered', outcome: recovery.kind, ...why });
  return install;
}

async function withInstall<T>(
  context: UpdateContext,
  use: (install: Install) => Promise<T>,
  options: Parameters<typeof open>[1] = {},
): Promise<T> {
  const install = await open(context, options);
  try {
    return await use(install);
  } finally {
    await install.close();
  }
}

/** Whoever learns here that only an installation helps has to be let in to it. */
async function repairAside(context: UpdateContext, install: Install, options?: RepairOptions): Promise<RepairReport> {
  try {
    const report = await repairInstall(context, install, options);
    if (report.kind !== 'declined') await install.markRepaired();
    return report;
  } catch (error) {
    if (hasCode(error, 'INSTALL_UNKNOWN', 'RELEASE_DOWNGRADE')) await install.markRepaired();
    throw error;
  }
}

function session(context: UpdateContext, install: Install, staged: StagedUpdate): StagedSession {
  return {
    changedFiles: staged.changedFiles,
    async commit() {
      try {
        await staged.transaction.commit();
        context.emit({ kind: 'committed', version: staged.plan.release.version });
      } finally {
        await install.close();
      }
    },
    async discard() {
      try {
        await staged.transaction.discard();
      } finally {
        await install.close();
      }
    },
  };
}

/** Between planning and staging another program may have updated this install: the plan is then for another base. */
async function assertUnchanged(context: UpdateContext, { plan }: DownloadedUpdate): Promise<void> {
  const { manifest } = await readInstalled(context.host.fileSystem, context.layout);
  const [now, then] = [manifest, plan.installed.manifest].map((one) => (one === null ? null : manifestDigest(one)));
  if (now !== then) throw new UpdaterError('PLAN_INVALID', 'the install has changed since this update was planned');
}

/** @throws UpdaterError INSTALL_MAINTENANCE */
function assertNotHeld({ transaction }: Install): void {
  const held = transaction?.heldBecause ?? null;
  if (held !== null) throw maintenance(transaction?.target.version ?? '', held);
}

const committedTransaction = ({ transaction }: Install) => (transaction?.state === 'committed' ? transaction : null);
