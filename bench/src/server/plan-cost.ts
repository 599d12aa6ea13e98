/**
 * How much processor time the server takes for a plan: releases of which each changed 200 files, terminals that are up to
 * eight releases behind, plans that nobody asked for before. Counted is all that the process does from the request to
 * the answer: routes, database, planning, composing and compressing the index. Then the same plans are asked for again.
 *
 *     node bench/dist/server/plan-cost.js [--files 200] [--releases 9]
 */
import { parseArgs } from 'node:util';
import { codecNames } from '@remendo/core';
import { application, type MeasuredServer, noise, startMeasuredServer, withTemporaryFolder } from './measured-server.js';
import { cpuMs } from './programs.js';

const { values } = parseArgs({
  options: { files: { type: 'string', default: '200' }, releases: { type: 'string', default: '9' } },
});
const files = Number(values.files);
const releases = Number(values.releases);
/** The richest ones. */
const measuredSets = 6;
const versions = Array.from({ length: releases }, (_, index) => `1.${index}.0`);

/** Files of 8 kB, each with another kilobyte changed in every release. */
function filesOf(release: number): ReadonlyMap<string, Uint8Array> {
  return new Map(
    Array.from({ length: files }, (_, index) => {
      const bytes = Buffer.from(noise(`file ${index}`, 8_192));
      for (let change = 1; change <= release; change += 1) noise(`${index} ${change}`, 128).copy(bytes, (change % 8) * 1_024);
      return [`data/file-${index}.bin`, bytes];
    }),
  );
}

/** Plans are remembered by the codecs they are made for: every set of them is a plan that has to be made. */
function codecSets(): readonly string[] {
  const sets = Array.from({ length: 2 ** codecNames.length - 2 }, (_, bits) =>
    codecNames.filter((_name, index) => ((bits + 1) >> index) & 1).join(','),
  );
  return sets.toSorted((a, b) => a.length - b.length);
}

interface PlanAnswer {
  readonly plans: readonly { readonly kind: string; readonly label: string }[];
}

async function askAll(server: MeasuredServer, sets: readonly string[]): Promise<readonly string[]> {
  const labels: string[] = [];
  for (const codecs of sets) {
    for (const base of versions.slice(0, -1)) {
      const query = new URLSearchParams({ application, base, target: versions.at(-1) ?? '', codecs });
      const { plans } = await server.call<PlanAnswer>('GET', `/api/v1/updates/plan?${query}`);
      labels.push(plans[0]?.label ?? '');
    }
  }
  return labels;
}

/** Asks for all of the plans. @returns what one of them costs the server. */
async function costOf(server: MeasuredServer, sets: readonly string[]) {
  const [cpuBefore, beganAt] = [await cpuMs(server.pid), performance.now()];
  const labels = await askAll(server, sets);
  const each = (ms: number): number => Math.round((ms / labels.length) * 10) / 10;
  return { labels, cpu_ms: each((await cpuMs(server.pid)) - cpuBefore), ms: each(performance.now() - beganAt) };
}

const { made, again } = await withTemporaryFolder(async (folder) => {
  const server = await startMeasuredServer(folder, ['--delta-bases', '8']);
  try {
    for (const [index, version] of versions.entries()) await server.publish(version, filesOf(index));
    const sets = codecSets();
    // The others have the process compiled and its caches filled; most terminals know all codecs or nearly all.
    const measured = sets.slice(-measuredSets);
    await askAll(server, sets.slice(0, -measuredSets));
    return { made: await costOf(server, measured), again: await costOf(server, measured) };
  } finally {
    await server.stop();
  }
});
const plans = made.labels.length;
console.table({
  made: { plans, cpu_ms: made.cpu_ms, ms: made.ms },
  'asked for again': { plans, cpu_ms: again.cpu_ms, ms: again.ms },
});
const { cpu_ms, ms } = made;
const result = {
  event: 'plan_cost',
  files,
  releases,
  plans,
  cpu_ms,
  ms,
  again_cpu_ms: again.cpu_ms,
  best_plans: [...new Set(made.labels)],
};
process.stdout.write(`${JSON.stringify(result)}\n`);
