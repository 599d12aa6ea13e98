/**
 * When something may be done, by the machine's clock on the wall. Only what that clock shows counts: an hour that is left out
 * in spring is in no window, and one that comes twice in autumn is in it twice.
 */
import { type MaintenanceWindow, weekdays } from './agent-settings.js';

const minutesOf = (time: string): number => Number(time.slice(0, 2)) * 60 + Number(time.slice(3));

/** Of the day before `from` for what lies after midnight. */
function holds({ days = [...weekdays], from, to }: MaintenanceWindow, at: Date): boolean {
  const minute = at.getHours() * 60 + at.getMinutes();
  const isOn = (weekday: number): boolean => days.includes(weekdays[(weekday + 7) % 7] ?? 'sun');
  const [begin, end] = [minutesOf(from), minutesOf(to)];
  if (begin < end) return isOn(at.getDay()) && minute >= begin && minute < end;
  return (isOn(at.getDay()) && minute >= begin) || (isOn(at.getDay() - 1) && minute < end);
}

/** Without any window always. */
export const isOpen = (windows: readonly MaintenanceWindow[], atMs: number): boolean =>
  windows.length === 0 || windows.some((window) => holds(window, new Date(atMs)));

const minuteMs = 60_000;
/** A weekly window that falls into the hour that is left out comes a week later. */
const minutesMax = 15 * 24 * 60;

/** The first minute from now on at which a window is open; null: none ever is. */
export const opensAtMs = (windows: readonly MaintenanceWindow[], nowMs: number): number | null =>
  firstMinute(nowMs, (ms) => isOpen(windows, ms));

/** The first minute from now on at which none is open; null: one always is. */
export const closesAtMs = (windows: readonly MaintenanceWindow[], nowMs: number): number | null =>
  windows.length === 0 ? null : firstMinute(nowMs, (ms) => !isOpen(windows, ms));

/** Minute by minute: twenty thousand looks are nothing, and no rule about clocks has to be right twice. */
function firstMinute(nowMs: number, isIt: (ms: number) => boolean): number | null {
  if (isIt(nowMs)) return nowMs;
  const first = Math.floor(nowMs / minuteMs) * minuteMs + minuteMs;
  for (let minute = 0; minute < minutesMax; minute++) if (isIt(first + minute * minuteMs)) return first + minute * minuteMs;
  return null;
}
