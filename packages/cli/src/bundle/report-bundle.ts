import type { BundleAnswer } from '@remendo/core/protocol';
import type { CommandContext } from '../command-context.js';
import { dayText } from '../output/duration.js';
import { told } from '../output/phrases/told.js';
import { printable } from '../output/printable.js';
import { quantities } from '../output/quantity.js';
import { tableLines } from '../output/table.js';
import { bundleMessages } from './messages.js';
import type { ObjectFolder } from './object-folder.js';
import type { BundledWay, NeededObjects } from './plan-bundle.js';

export interface BundleReport {
  readonly place: ObjectFolder;
  readonly answer: BundleAnswer;
  readonly needed: NeededObjects;
  readonly fetchedBytes: number;
  readonly removed: number;
  readonly expiresMs: number;
}

/** Bytes from each base, and what the folder holds. */
export function reportBundle(context: CommandContext, report: BundleReport): void {
  const { output, language } = context;
  const { place, answer, needed, fetchedBytes, removed, expiresMs } = report;
  const say = bundleMessages(language);
  const { bytes, count } = quantities[language];
  const totalBytes = needed.objects.reduce((sum, object) => sum + object.bytes, 0);
  const expires = new Date(expiresMs).toISOString();
  output.document({
    folder: place.folder,
    objects: needed.objects.length,
    bytes: totalBytes,
    fetchedBytes,
    removedObjects: removed,
    expires,
    ways: needed.ways,
    leftOut: answer.left_out,
    underWay: answer.under_way,
  });
  const columns = [{ title: say.from }, { title: say.to }, { title: say.how }, { title: say.reads, align: 'right' as const }];
  const howOf = ({ kind, label }: BundledWay): string => (kind === 'zip' ? say.fullZip : printable(told(label, language)));
  const rows = needed.ways.map((way) => [
    way.base === null ? say.nothing : printable(way.base),
    printable(`${way.application} ${way.version} (${way.platform})`),
    howOf(way),
    bytes(way.readBytes),
  ]);
  for (const line of tableLines(columns, rows)) output.line(line);
  output.line();
  const objectsText = (objects: number): string => count(objects, say.object, say.objects);
  output.line(say.holds(printable(place.folder), objectsText(needed.objects.length), bytes(totalBytes), bytes(fetchedBytes)));
  if (removed > 0) output.line(say.removed(objectsText(removed)));
  output.line(say.expires(dayText(language, expires.slice(0, 10))));
}
