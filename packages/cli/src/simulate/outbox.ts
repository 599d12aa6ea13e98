/** The events that a terminal has to tell: kept until the server has taken them, and sent again when that is not sure. */
import type { UpdateEvent } from '@remendo/core/protocol';
import { bytesOf, fieldsOf } from './answers.js';
import type { TerminalClient } from './terminal-client.js';

/** As many as the server takes at once. */
const batchMax = 500;

export class Outbox {
  /** Ids of the events that the server said it has. */
  readonly delivered: string[] = [];
  readonly #waiting: UpdateEvent[] = [];
  #ignored = 0;
  #made = 0;

  /** @param name unique in this simulation and among all others. */
  constructor(private readonly name: string) {}

  /** Events that the server does not have: not sent yet, or ignored because it does not know their application. */
  get undelivered(): number {
    return this.#waiting.length + this.#ignored;
  }

  add(event: Omit<UpdateEvent, 'event_id' | 'at'>): void {
    this.#made += 1;
    this.#waiting.push({ ...event, event_id: `${this.name}-${this.#made}`, at: new Date().toISOString() });
  }

  /** @throws as the client; what was not taken stays. */
  async send(client: TerminalClient, headers: Readonly<Record<string, string>>): Promise<void> {
    while (this.#waiting.length > 0) {
      const events = this.#waiting.slice(0, batchMax);
      const { value } = await client.json('events', { path: 'api/v1/updates/events', headers, body: { events } });
      const answer = fieldsOf(value, 'answer');
      const taken = bytesOf(answer.accepted, 'accepted') + bytesOf(answer.duplicates, 'duplicates');
      this.#waiting.splice(0, events.length);
      this.#ignored += events.length - taken;
      if (taken === events.length) this.delivered.push(...events.map(({ event_id }) => event_id));
    }
  }
}
