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
import type { Manifest } from '../manifest/manifest.js';
import { preserveMatcher } from '../manifest/preserve.js';
import { compareVersions, shownVersion } from '../manifest/version.js';
import { type CodecName, codecNames } from '../patch/codec-name.js';
import type { CheckAnswer } from '../protocol/index.js';
import { type Install, openInstall, undoableTransaction } from '../transaction/install.js';
import { type InstallLayout, installLayout } from '../transaction/install-layout.js';
import type { Recovery } from '../transaction/recover.js';
import { httpMetadataSource } from '../trust/metadata-source.js';
import type { OpenPgpFile } from '../trust/openpgp-blocks.js';
import { announcedTrust, type ReleaseTrust, type TrustStatus } from '../trust/release-trust.js';
import { SignedTrust } from '../trust/signed-trust.js';
import { type DownloadedUpdate, downloadUpdate } from './download-update.js';
import { type Installed, readInstalled, readState } from './install-state.js';
import { offerPlans, type PlanOffer, type UpdatePlan } from './offer-plans.js';
import { confirmUpdate, type ProveOptions, proveCommitted, rollBack } from './prove-committed.js';
import type { ApplicationStarter, HealthRule, RunningApplication, StartCommand } from './prove-start.js';
import { downloadAndStage, type StagedUpdate, stageDownloaded } from './run-update.js';
import { createServerApi } from './server-api.js';
import { surveyInstall } from './survey-install.js';
import type { Host, UpdateContext } from './update-context.js';
import type { OnUpdateEvent } from './update-event.js';
import { type VerifyReport, verifyInstall } from './verify-install.js';

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

export type CheckResult =
  | { readonly kind: 'up-to-date'; readonly installed: string | null }
  /** There is none for this terminal now, and why: `no_release`, `not_in_rollout`, … */
  | { readonly kind: 'not-offered'; readonly installed: string | null; readonly reason: string }
  /** The offered version was rolled back on this terminal. */
  | { readonly kind: 'blocked'; readonly installed: string | null; readonly version: string }
  | { readonly kind: 'available'; readonly installed: string | null; readonly version: string; readonly answer: CheckAnswer };

export type UpdateResult =
  | Exclude<CheckResult, { kind: 'available' }>
  | {
      readonly kind: 'updated';
      readonly base: string | null;
      readonly version: string;
      readonly plan: string;
      readonly changedFiles: number;
      readonly running: RunningApplication | null;
      /** Set when the version is a step on the way that no terminal may leave out: what the next update leads to. */
      readonly finalVersion: string | null;
    }
  | { readonly kind: 'rolled-back'; readonly base: string | null; readonly version: string; readonly reason: string };

export type StartResult =
  /** Nothing was waiting to be proved. */
  | { readonly kind: 'started'; readonly running: RunningApplication }
  | { readonly kind: 'confirmed'; readonly running: RunningApplication }
  | { readonly kind: 'rolled-back'; readonly version: string; readonly reason: string; readonly running: RunningApplication };

export interface UpdateOptions {
  /** Install this release instead of the newest offered; the installed one: put what is damaged in order. */
  readonly version?: string;
  /** Try a version again that was rolled back here (default false). */
  readonly retry?: boolean;
  /** Go to an older version when the server says that policy wants it (default false: it is not offered). */
  readonly allowDowngrade?: boolean;
  /** Start the application afterwards and roll back unless it proves healthy. Left out, the update is confirmed as it is. */
  readonly start?: StartCommand;
  readonly health?: HealthRule;
  readonly signal?: AbortSignal;
}

export interface Updater {
  /** Asks the server whether there is something newer. Touches nothing. */
  check(options?: Pick<UpdateOptions, 'retry' | 'allowDowngrade' | 'signal'>): Promise<CheckResult>;
  /** The offered ways to a release, cheapest first, with what each costs this terminal. */
  plan(version: string, options?: { readonly signal?: AbortSignal }): Promise<UpdatePlan>;
  /** Fetches what one offer needs (default: the cheapest); goes on where an earlier call stopped. */
  download(plan: UpdatePlan, options?: { readonly offer?: PlanOffer; readonly signal?: AbortSignal }): Promise<DownloadedUpdate>;
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
  /** Goes back to what the last update replaced; that version is not tried again by itself. @throws TRANSACTION_NO_WAY_BACK */
  rollback(reason?: string): Promise<{ readonly version: string | null }>;
  /** Finishes or undoes what a crash left. Every method that touches the install does this first. */
  recover(): Promise<Recovery['kind']>;
  /** What is installed. Reads three small files. */
  status(): Promise<Installed>;
  /** Where trust stands; reads two small files. */
  trust(): Promise<TrustStatus>;
  /** Holds every installed file against its manifest. */
  verify(options?: { readonly signal?: AbortSignal }): Promise<VerifyReport>;
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
    check: (checkOptions) => check(context, checkOptions),
    plan: (version, { signal } = {}) => offerPlans(context, version, signal === undefined ? {} : { signal }),
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
        const waiting = committedTransaction(install);
        if (waiting === null) return { kind: 'started', running: host.starter.start(command) };
        const verdict = await proveCommitted(context, waiting, proving(host.starter, command, health));
        return verdict.kind === 'confirmed' ? verdict : { ...verdict, running: host.starter.start(command) };
      }),
    rollback: (reason = 'asked for') =>
      locked(async (install) => {
        await rollBack(context, undoableTransaction(install), reason);
        const { version } = await readInstalled(host.fileSystem, context.layout);
        return { version: version === null ? null : shownVersion(version) };
      }),
    recover: () => locked(async (install) => install.recovery.kind),
    status: () => readInstalled(host.fileSystem, context.layout),
    trust: () => context.trust.status(),
    verify: ({ signal } = {}) => locked(() => verifyInstall(context, signal)),
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
  const { channel = 'stable', codecs = codecNames } = options;
  const emit = unthrowing(options.onEvent ?? (() => {}));
  return {
    host,
    layout,
    application: options.application ?? null,
    platform: options.platform ?? null,
    channel,
    codecs,
    isPreserved: preserveMatcher(options.preserve ?? []),
    ...(options.bandwidthBytesPerSecond === undefined ? {} : { bandwidthBytesPerSecond: options.bandwidthBytesPerSecond }),
    api: createServerApi(http, {
      channel,
      codecs,
      async asking() {
        const state = await readState(host.fileSystem, layout);
        return {
          application: options.application ?? state?.application ?? null,
          platform: options.platform ?? state?.platform ?? null,
          terminalId: state?.terminalId ?? null,
        };
      },
    }),
    source: sourcesInOrder([...(options.sources ?? []), httpObjectSource({ client: http })]),
    trust: trustOf(options, { http, layout, emit }),
    openPgpKeys: options.openPgpKeys ?? null,
    emit,
  };
}

interface TrustParts {
  readonly http: HttpClient;
  readonly layout: InstallLayout;
  readonly emit: OnUpdateEvent;
}

function trustOf({ host, trust = { kind: 'signed' } }: UpdaterOptions, { http, layout, emit }: TrustParts): ReleaseTrust {
  if (trust.kind === 'announced') return announcedTrust();
  const { kind: _kind, ...given } = trust;
  return new SignedTrust({
    fileSystem: host.fileSystem,
    clock: host.clock,
    source: httpMetadataSource(http),
    folder: layout.trust,
    ...given,
    onRootTaken: (keyIds) => emit({ kind: 'root-taken', keyIds }),
  });
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

async function open(context: UpdateContext): Promise<Install> {
  const { fileSystem, clock, random, processes } = context.host;
  const install = await openInstall({ fileSystem, clock, random, processes }, context.layout, { onEvent: context.emit });
  if (install.recovery.kind !== 'nothing-to-do') context.emit({ kind: 'recovered', outcome: install.recovery.kind });
  return install;
}

async function withInstall<T>(context: UpdateContext, use: (install: Install) => Promise<T>): Promise<T> {
  const install = await open(context);
  try {
    return await use(install);
  } finally {
    await install.close();
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

const committedTransaction = ({ transaction }: Install) => (transaction?.state === 'committed' ? transaction : null);

async function check(
  context: UpdateContext,
  options: Pick<UpdateOptions, 'retry' | 'allowDowngrade' | 'signal'> = {},
): Promise<CheckResult> {
  const installed = await readInstalled(context.host.fileSystem, context.layout);
  const current = installed.version?.version ?? null;
  const shown = installed.version === null ? null : shownVersion(installed.version);
  const answer = await context.api.check({ version: current }, options.signal);
  // Also when there is nothing newer: whoever withholds releases is found out when signed metadata expires. Where nothing
  // was installed nothing is left behind.
  if (installed.state !== null) await context.trust.refresh(options.signal);
  const latest = answer.latest_version;
  if (!answer.update_available || latest === null) {
    return answer.reason === undefined || answer.reason === 'up_to_date'
      ? { kind: 'up-to-date', installed: shown }
      : { kind: 'not-offered', installed: shown, reason: answer.reason };
  }
  if (current !== null && compareVersions(latest, current) <= 0) {
    const isOlder = answer.downgrade === true && compareVersions(latest, current) < 0;
    if (!isOlder) return { kind: 'up-to-date', installed: shown };
    if (options.allowDowngrade !== true) return { kind: 'not-offered', installed: shown, reason: 'downgrade_not_allowed' };
  }
  if (options.retry !== true && installed.blocked.includes(latest)) return { kind: 'blocked', installed: shown, version: latest };
  return { kind: 'available', installed: shown, version: latest, answer };
}

interface RunOptions extends UpdateOptions {
  readonly install: Install;
  readonly starter: ApplicationStarter;
}

async function runUpdate(context: UpdateContext, options: RunOptions): Promise<UpdateResult> {
  const { install, signal } = options;
  const chosen = await chooseTarget(context, options);
  if (chosen.kind !== 'chosen') return chosen;
  const { version: target, finalVersion } = chosen;
  const allowDowngrade = options.allowDowngrade === true;
  const plan = await offerPlans(context, target, { allowDowngrade, ...(signal === undefined ? {} : { signal }) });
  const base = plan.installed.version === null ? null : shownVersion(plan.installed.version);
  const staged = await downloadAndStage(context, install, plan, signal);
  await askAgain(context, staged, options);
  await staged.transaction.commit();
  context.emit({ kind: 'committed', version: target });
  const version = plan.displayVersion;
  const updated = {
    kind: 'updated',
    base,
    version,
    plan: staged.offer.label,
    changedFiles: staged.changedFiles,
    finalVersion,
  } as const;
  if (options.start === undefined) {
    await confirmUpdate(context, staged.transaction);
    return { ...updated, running: null };
  }
  const verdict = await proveCommitted(context, staged.transaction, proving(options.starter, options.start, options.health));
  if (verdict.kind === 'rolled-back') return { kind: 'rolled-back', base, version, reason: verdict.reason };
  return { ...updated, running: verdict.running };
}

const proving = (starter: ApplicationStarter, command: StartCommand, health?: HealthRule): ProveOptions => ({
  starter,
  command,
  ...(health === undefined ? {} : { health }),
});

interface ChosenTarget {
  readonly kind: 'chosen';
  readonly version: string;
  readonly finalVersion: string | null;
}

/** The version to install, or why there is none. */
async function chooseTarget(
  context: UpdateContext,
  options: RunOptions,
): Promise<ChosenTarget | Exclude<CheckResult, { kind: 'available' }>> {
  if (options.version === undefined) {
    const found = await check(context, options);
    if (found.kind !== 'available') return found;
    const { floor_step: isStep, final_version: finalVersion = null } = found.answer;
    return { kind: 'chosen', version: found.version, finalVersion: isStep === true ? finalVersion : null };
  }
  const installed = await readInstalled(context.host.fileSystem, context.layout);
  if (installed.manifest?.version === options.version && (await isWhole(context, installed.manifest, options.signal))) {
    return { kind: 'up-to-date', installed: shownVersion(installed.version ?? installed.manifest) };
  }
  if (options.retry !== true && installed.blocked.includes(options.version)) {
    return {
      kind: 'blocked',
      installed: installed.version === null ? null : shownVersion(installed.version),
      version: options.version,
    };
  }
  return { kind: 'chosen', version: options.version, finalVersion: null };
}

/** Whether every installed file is the manifest's at a first look, preserved ones aside. */
async function isWhole({ host, layout, isPreserved }: UpdateContext, manifest: Manifest, signal?: AbortSignal): Promise<boolean> {
  const survey = await surveyInstall(host.fileSystem, layout.root, manifest, signal === undefined ? {} : { signal });
  return survey.every(({ file, finding }) => finding === 'intact' || (finding !== 'missing' && isPreserved(file.path)));
}

/** Downloading may have taken days: a release that is no longer offered is not swapped in. */
async function askAgain(context: UpdateContext, staged: StagedUpdate, options: RunOptions): Promise<void> {
  try {
    await assertOffered(context, staged.plan, options);
  } catch (error) {
    // No answer is no withdrawal: everything that is needed is here.
    if (hasCode(error, 'DOWNLOAD_FAILED')) return;
    await staged.transaction.discard();
    throw error;
  }
}

/** Of a release that was asked for by its version, or that a newer one has replaced, only a plan tells. */
async function assertOffered(context: UpdateContext, { release, base }: UpdatePlan, options: RunOptions): Promise<void> {
  const { signal, version } = options;
  const found = await check(context, options);
  if (found.kind === 'available' && found.version === release.version) return;
  if (version === undefined && found.kind !== 'available')
    throw new UpdaterError('RELEASE_NOT_OFFERED', `${release.version} is no longer offered`);
  const known = base.files.length === 0 ? null : base;
  const query = { base: known?.version ?? null, baseManifest: known === null ? null : manifestDigest(known) };
  await context.api.plan({ ...query, target: release.version }, signal);
}
