import { type InstallLayout, UpdaterError } from '@remendo/core';
import type { Output } from '../output/output.js';
import { printable } from '../output/printable.js';
import type { InstallPermissions, OtherWriter, Safety } from './install-permissions.js';
import { permissionMessages } from './messages.js';
import { systemPermissions } from './system-permissions.js';

/**
 * Before an install is changed: warns when others can write to it, and refuses when this program may do more than they,
 * for what they put there would then be done or run with its rights.
 * @throws UpdaterError INSTALL_UNSAFE
 */
export async function guardInstall(
  output: Pick<Output, 'warn' | 'language'>,
  layout: InstallLayout,
  permissions: InstallPermissions = systemPermissions(),
): Promise<void> {
  const isTold = told.has(output);
  told.add(output);
  judge(isTold ? { warn: () => {}, language: output.language } : output, layout, await permissions.inspect(layout));
}

/** One command may do the work of two: what was said once on its output is not said again. */
const told = new WeakSet<object>();

/** @throws UpdaterError INSTALL_UNSAFE */
export function judge(
  output: Pick<Output, 'warn' | 'language'>,
  { root }: InstallLayout,
  { writers, isPrivileged, unknown }: Safety,
): void {
  const say = permissionMessages(output.language);
  if (unknown !== null) output.warn(say.unknown(printable(root), printable(unknown)));
  if (writers.length === 0) return;
  const places = placesOf(writers);
  const list = [...places.slice(0, shownMax), ...(places.length > shownMax ? [say.more(places.length - shownMax)] : [])].join(', ');
  if (isPrivileged)
    throw new UpdaterError('INSTALL_UNSAFE', `this program runs with more rights than those who can write to ${printable(list)}`, {
      details: { root, writers: places },
    });
  output.warn(say.othersCanWrite(printable(list)));
}

const shownMax = 5;

/** Each path once, with all who can write there. */
function placesOf(writers: readonly OtherWriter[]): readonly string[] {
  const whoByPath = new Map<string, string[]>();
  for (const { path, who } of writers) whoByPath.set(path, [...(whoByPath.get(path) ?? []), who]);
  return [...whoByPath].map(([path, who]) => `${path} (${who.join(', ')})`);
}
