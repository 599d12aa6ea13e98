/**
 * `.remendo/events/`: what the server has not been told yet, one file an event. Any program may put one in, at any time:
 * a file appears whole, under its name, or not at all. Names sort in the order in which events happened, whatever was done
 * to the clock between two of them. What the server has is removed afterwards; killed in between, it is told again under
 * the same id and counts once.
 *
 * The folder is bounded: steps of the way give place to newer events first, and how updates began and ended, the oldest first,
 * when there are no steps left: a server that refuses a terminal for a year fills no disk.
 */
import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { UpdateEvent } from '@remendo/core/protocol';
import { Compile } from 'typebox/compile';
import { makePrivateFolder, replaceFile } from '../terminal/replace-file.js';

export const eventsFolderName = 'events';
const refusedFolderName = 'refused';

export type NewUpdateEvent = Omit<UpdateEvent, 'event_id' | 'at'>;

export interface QueuedEvent {
  /** Of its file. */
  readonly name: string;
  readonly event: UpdateEvent;
}

export interface EventQueue {
  /** On the disk, with a new id, when it returns. @throws what the system says when it can not be written. */
  put(event: NewUpdateEvent): void;
  /** The oldest, in order. Files that hold no event are set aside and told to `onDamaged`. */
  peek(count: number): readonly QueuedEvent[];
  /** The server has them. */
  remove(events: readonly QueuedEvent[]): void;
  /** The server will never take it: it goes to `refused/`, and is in nobody's way. */
  setAside(event: QueuedEvent): void;
  count(): number;
}

export interface EventQueueOptions {
  /** The updater's folder. */
  readonly home: string;
  readonly now: () => number;
  /** Default 2,000. */
  readonly eventsMax?: number;
  readonly onDamaged?: (name: string) => void;
}

/** Of one event's file, and so of what is read. */
const fileBytesMax = 128 * 1024;
const refusedMax = 100;

/** `<milliseconds since 1970, 15 digits>-<keep|step>-<id>.json` */
const nameForm = /^(\d{15})-(keep|step)-[0-9a-f-]{36}\.json$/;
const kept = new Set<UpdateEvent['state']>(['started', 'completed', 'failed', 'rolled_back']);
const validator = Compile(UpdateEvent);

export function openEventQueue({ home, now, eventsMax = 2_000, onDamaged = () => {} }: EventQueueOptions): EventQueue {
  const folder = join(home, eventsFolderName);
  const refused = join(folder, refusedFolderName);
  const names = (): readonly string[] => namesIn(folder).filter((name) => nameForm.test(name));
  const setAside = (name: string): void => {
    makePrivateFolder(refused);
    moveOver(join(folder, name), join(refused, name));
    for (const old of namesIn(refused).slice(0, -refusedMax)) rmSync(join(refused, old), { force: true });
  };
  return {
    put(event) {
      makePrivateFolder(folder);
      const present = names();
      const [sequence, id] = [sequenceAfter(present.at(-1), now()), randomUUID()];
      const name = `${sequence}-${kept.has(event.state) ? 'keep' : 'step'}-${id}.json`;
      // Where events have the same time, the server takes them in the order of their ids.
      const queued = { event_id: `${sequence}-${id}`, ...event, at: new Date(now()).toISOString() };
      replaceFile(join(folder, name), JSON.stringify(queued), { durable: true });
      const tooMany = present.length + 1 - eventsMax;
      if (tooMany > 0) for (const old of leastNeeded(present).slice(0, tooMany)) rmSync(join(folder, old), { force: true });
    },
    peek(count) {
      const events: QueuedEvent[] = [];
      for (const name of names()) {
        if (events.length === count) break;
        const event = readEvent(join(folder, name));
        if (event === 'gone') continue;
        if (event !== null) events.push({ name, event });
        else {
          setAside(name);
          onDamaged(name);
        }
      }
      return events;
    },
    remove(events) {
      for (const { name } of events) rmSync(join(folder, name), { force: true, maxRetries: 2 });
    },
    setAside: ({ name }) => setAside(name),
    count: () => names().length,
  };
}

/** The first to go comes first. */
function leastNeeded(names: readonly string[]): readonly string[] {
  const isStep = (name: string): boolean => name.includes('-step-');
  return [...names.filter(isStep), ...names.filter((name) => !isStep(name))];
}

/** Later than the last one's, also when the clock was set back meanwhile. */
function sequenceAfter(last: string | undefined, nowMs: number): string {
  const lastMs = Number(nameForm.exec(last ?? '')?.[1] ?? 0);
  return String(Math.max(Math.floor(nowMs), lastMs + 1)).padStart(15, '0');
}

/** Sorted; [] when there is no such folder. */
function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}

/** Null: it holds no event. `gone`: another program has told it meanwhile, or holds it for a moment. */
function readEvent(path: string): UpdateEvent | null | 'gone' {
  try {
    if (statSync(path).size > fileBytesMax) return null;
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'));
    return validator.Check(value) ? value : null;
  } catch (error) {
    // What the system says of a file says nothing about what is in it: a virus scanner has every new one on Windows.
    return error instanceof SyntaxError ? null : 'gone';
  }
}

function moveOver(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') rmSync(from, { force: true });
  }
}
