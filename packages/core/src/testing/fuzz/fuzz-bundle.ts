/**
 * Fuzz targets of offline bundles: the file that describes one, as anybody who carries a stick may change it, and what a server
 * that was taken over signs into it. Whatever is there, a terminal gets answers within the limits or an error of its own.
 */
import { Metadata, Timestamp } from '@tufjs/models';
import { digestOf } from '../../hash/digest.js';
import { encodeMetadata, nextBundle } from '../../publish/index.js';
import { bundleServerApi } from '../../update/bundle-server-api.js';
import { parseBundle } from '../../update/open-bundle.js';
import { fetchesOfPlan } from '../../update/server-api.js';
import { MemoryFileSystem } from '../memory-file-system.js';
import { samplePlans } from './fuzz-answers.js';
import type { FuzzTarget } from './fuzz-target.js';
import { fuzzKey } from './fuzz-trust-files.js';
import { type Json, jsonBytes, variedJson } from './vary-json.js';

const nowMs = Date.UTC(2026, 10, 22);
const key = fuzzKey(3);
const timestamp = new Metadata(new Timestamp({ version: 1, specVersion: '1.0.31', expires: '2027-01-01T00:00:00Z' }));

function descriptionOf(index: Uint8Array): Uint8Array {
  const bundle = encodeMetadata(nextBundle(timestamp, { key, nowMs, index }));
  const metadata = [{ name: 'bundle.json', body: Buffer.from(bundle).toString() }];
  return Buffer.from(JSON.stringify({ format: 'remendo-bundle-1', index: Buffer.from(index).toString(), metadata }));
}

const plan = samplePlans();
const { base, target } = plan;
const sampleIndex = {
  format: 'remendo-bundle-index-1',
  releases: [
    {
      application: plan.application,
      platform: plan.platform,
      version: target.version,
      type: 'stable',
      title: 'One',
      changelog: 'Fixes.',
      breaking_changes: '',
      requires_backup: true,
      requires_downtime: false,
      rollback_compatible: true,
      mandatory: false,
      requirements: { php: '>=8' },
      floors: ['1.0.0'],
      plans: [plan, { ...plan, base: null }],
    },
  ],
  bases: [{ application: plan.application, platform: plan.platform, ...base, manifest: target.manifest }],
};

/** The input is `remendo-bundle.json` itself. */
export const fuzzBundleDescription: FuzzTarget = {
  name: 'bundle-description',
  run: async (bytes) => void parseBundle(bytes),
  seeds: async () => [descriptionOf(Buffer.from(JSON.stringify(sampleIndex)))],
};

/** The input is an index that fits its signature; then the bundle is asked all that a terminal asks. */
export const fuzzBundle: FuzzTarget = {
  name: 'bundle',
  async run(bytes) {
    const { index } = parseBundle(descriptionOf(bytes));
    const asking = async () => ({ application: plan.application, platform: plan.platform, terminalId: null });
    const fileSystem = new MemoryFileSystem();
    const api = bundleServerApi({
      fileSystem,
      folder: '/stick',
      index: async () => index,
      channel: 'stable',
      asking,
      hasOthers: true,
    });
    const found = await api.check({ version: base.version });
    await api.check({ version: null });
    await api.identify([{ path: 'a', sha256: digestOf('a') }]);
    const { plans } = await api.plan({
      base: base.version,
      baseManifest: base.manifest_digest,
      target: found.latest_version ?? '',
    });
    plans.flatMap(fetchesOfPlan);
  },
  seeds: async () => [Buffer.from(JSON.stringify(sampleIndex))],
  made: () => jsonBytes(variedJson(sampleIndex as Json)),
};
