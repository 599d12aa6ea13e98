/**
 * One terminal of a simulated fleet. Like a real one it checks again and again, asks for a plan when something is offered,
 * fetches it, and tells what happened; unlike a real one it throws the bytes away and never has to start an application.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { codecNames, isUpdaterError } from '@remendo/core';
import { type Offer, type OfferedPlan, parseOffer, parsePlan } from './answers.js';
import { Outbox } from './outbox.js';
import type { Random } from './seeded-random.js';
import type { TerminalClient } from './terminal-client.js';
import type { TrafficCounts } from './traffic.js';

/** What all terminals of a fleet go by. */
export interface FleetRules {
  readonly application: string | null;
  readonly platform: string | null;
  readonly channel: string;
  readonly checkIntervalMs: number;
  readonly counts: TrafficCounts;
  /** Whether one more terminal may install what it was offered. */
  readonly takeUpdate: () => boolean;
  /** No more checks: what is being done is finished. */
  readonly closing: AbortSignal;
}

export interface TerminalIdentity {
  /** Unique in this simulation and among all others. */
  readonly name: string;
  readonly version: string | null;
}

const codecs = encodeURIComponent(codecNames.join(','));
/** Checks of one terminal are apart by the interval, and by up to this share of it more or less. */
const intervalJitter = 0.1;

/** It was counted where it happened. @throws what is not of the server's making: the end of the simulation, a mistake here. */
function ignoreRefused(error: unknown): void {
  if (!isUpdaterError(error)) throw error;
}

export class SimulatedTerminal {
  readonly outbox: Outbox;
  #version: string | null;
  #etag: string | null = null;
  #offer: Offer | null = null;
  #updates = 0;

  constructor(
    private readonly identity: TerminalIdentity,
    private readonly rules: FleetRules,
    private readonly own: { readonly client: TerminalClient; readonly random: Random },
  ) {
    this.#version = identity.version;
    this.outbox = new Outbox(identity.name);
  }

  /** Resolves when the fleet is closing and nothing is left to tell. @throws the reason of the simulation's end. */
  async run(): Promise<void> {
    const { checkIntervalMs, closing } = this.rules;
    await this.#rest(checkIntervalMs * this.own.random());
    while (!closing.aborted) {
      await this.#attempt();
      await this.#rest(checkIntervalMs * (1 - intervalJitter + 2 * intervalJitter * this.own.random()));
    }
    await this.outbox.send(this.own.client, this.#headers()).catch(ignoreRefused);
  }

  /** A check that fails is over; the next one comes in its time. */
  async #attempt(): Promise<void> {
    try {
      const { offer, isNew } = await this.#check();
      if (offer.version !== null && isNew) await this.#look(offer, offer.version);
      await this.outbox.send(this.own.client, this.#headers());
    } catch (error) {
      ignoreRefused(error);
    }
  }

  async #check(): Promise<{ readonly offer: Offer; readonly isNew: boolean }> {
    const isFirst = this.#offer === null;
    const headers = { ...this.#headers(), ...(this.#etag === null ? {} : { 'if-none-match': this.#etag }) };
    const { etag, value } = await this.own.client.json('check', { path: `api/v1/updates/check?codecs=${codecs}`, headers });
    if (value === null) {
      this.rules.counts.notModified += 1;
      if (this.#offer !== null) return { offer: this.#offer, isNew: false };
    }
    const offer = parseOffer(value);
    [this.#offer, this.#etag] = [offer, etag];
    if (isFirst) this.#tellOfInstall(offer);
    if (offer.version !== null) this.rules.counts.offers += 1;
    return { offer, isNew: true };
  }

  /** What an agent kept for the time when it reaches its server: how the version it has was installed. */
  #tellOfInstall({ application, platform }: Offer): void {
    const version = this.#version;
    if (version === null) return;
    const update = { update_id: `${this.identity.name}-install`, application, platform, version_from: null, version_to: version };
    this.outbox.add({ ...update, state: 'started', percent: 0 });
    this.outbox.add({ ...update, state: 'completed', percent: 100 });
  }

  /** Asks for the plan, and goes by it when this terminal is one of those that do. */
  async #look(offer: Offer, target: string): Promise<void> {
    const base = this.#version === null ? '' : `&base=${encodeURIComponent(this.#version)}`;
    const path = `api/v1/updates/plan?target=${encodeURIComponent(target)}${base}&codecs=${codecs}`;
    const plan = parsePlan((await this.own.client.json('plan', { path, headers: this.#headers() })).value);
    if (!this.rules.takeUpdate()) return;
    await this.#update(offer, plan);
  }

  async #update({ application, platform }: Offer, { version, ranges, fetchBytes, zipBytes }: OfferedPlan): Promise<void> {
    const { counts } = this.rules;
    this.#updates += 1;
    const update = {
      update_id: `${this.identity.name}-u${this.#updates}`,
      application,
      platform,
      version_from: this.#version,
      version_to: version,
      started_at: new Date().toISOString(),
    };
    counts.updatesStarted += 1;
    this.outbox.add({ ...update, state: 'started', percent: 0 });
    // No update waits for the server's log.
    await this.outbox.send(this.own.client, this.#headers()).catch(ignoreRefused);
    this.outbox.add({ ...update, state: 'downloading', percent: 0 });
    try {
      for (const range of ranges) await this.own.client.fetch(range);
    } catch (error) {
      if (!isUpdaterError(error)) throw error;
      counts.updatesFailed += 1;
      this.outbox.add({ ...update, state: 'failed', percent: 0, error_code: error.code });
      return;
    }
    const done = { downloaded_bytes: fetchBytes, saved_bytes: Math.max(0, zipBytes - fetchBytes) };
    this.outbox.add({ ...update, state: 'installing', percent: 90, ...done });
    this.outbox.add({ ...update, state: 'completed', percent: 100, ...done, finished_at: new Date().toISOString() });
    counts.updatesCompleted += 1;
    [this.#version, this.#etag] = [version, null];
  }

  #headers(): Readonly<Record<string, string>> {
    const { application, platform, channel } = this.rules;
    return {
      'x-release-channel': channel,
      'x-terminal-id': this.identity.name,
      ...(this.#version === null ? {} : { 'x-client-version': this.#version }),
      ...(application === null ? {} : { 'x-application': application }),
      ...(platform === null ? {} : { 'x-platform': platform }),
    };
  }

  /** Until the time is over or the fleet closes. */
  async #rest(ms: number): Promise<void> {
    const { closing } = this.rules;
    if (!closing.aborted) await sleep(ms, undefined, { signal: closing }).catch(() => {});
  }
}
