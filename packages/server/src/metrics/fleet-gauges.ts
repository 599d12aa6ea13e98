/** Gauges of what stands in the database, read when somebody looks, at most every 15 s. */
import { Gauge, type Registry } from 'prom-client';

/** One number and what it is of. */
type Counted<Label extends string> = Readonly<Record<Label, string> & { count: number }>;

export interface FleetCounts {
  /** Seen within the last 30 days. */
  readonly terminals: readonly Counted<'application' | 'version'>[];
  readonly silentTerminals: number;
  /** Each in one of `ok`, `failing`, `silent`. */
  readonly backups: readonly Counted<'state'>[];
  /** Of releases in testing or published. */
  readonly rollouts: readonly Counted<'state'>[];
  readonly deltas: readonly Counted<'state'>[];
  readonly deliveries: readonly Counted<'channel' | 'state'>[];
}

export interface FleetGaugesOptions {
  readonly registers: Registry[];
  readonly readFleet: () => Promise<FleetCounts>;
  readonly isStorageReady: () => Promise<void>;
}

export class FleetGauges {
  readonly #options: FleetGaugesOptions;
  readonly #ready: Gauge<'part'>;
  readonly #show: (counts: FleetCounts | null) => void;

  constructor(options: FleetGaugesOptions) {
    const { registers } = options;
    this.#options = options;
    const gauge = <Label extends string = never>(name: string, help: string, ...labelNames: Label[]) =>
      new Gauge({ name: `remendo_${name}`, help, labelNames, registers });
    this.#ready = gauge('ready', 'Whether a part the server works with answers: 1 or 0', 'part');
    const terminals = gauge('terminals', 'Terminals that checked within 30 days, by what they have', 'application', 'version');
    const silent = gauge('silent_terminals', 'Enrolled terminals that stopped to check');
    const backups = gauge('backups', 'Backups: ok, failing, or silent when nobody reports of them', 'state');
    const rollouts = gauge('rollouts', 'Rollouts of releases in testing or published', 'state');
    const deltas = gauge('deltas', 'Deltas; those wanted are the queue', 'state');
    const deliveries = gauge('notification_deliveries', 'Notifications on their way, delivered and failed', 'channel', 'state');
    this.#show = (counts) => {
      for (const shown of [terminals, silent, backups, rollouts, deltas, deliveries]) shown.reset();
      if (counts === null) return silent.remove();
      silent.set(counts.silentTerminals);
      showAll(terminals, counts.terminals);
      showAll(backups, counts.backups);
      showAll(rollouts, counts.rollouts);
      showAll(deltas, counts.deltas);
      showAll(deliveries, counts.deliveries);
    };
  }

  async refresh(): Promise<void> {
    const { readFleet, isStorageReady } = this.#options;
    const [counts, storage] = await Promise.all([
      readFleet().catch(() => null),
      isStorageReady().then(
        () => 1,
        () => 0,
      ),
    ]);
    this.#ready.set({ part: 'database' }, counts === null ? 0 : 1);
    this.#ready.set({ part: 'storage' }, storage);
    this.#show(counts);
  }
}

function showAll<Label extends string>(gauge: Gauge<Label>, counted: readonly Counted<Label>[]): void {
  for (const { count, ...labels } of counted) gauge.set(labels as unknown as Record<Label, string>, count);
}
