import { announceReleaseKind } from '../notifications/announce-release.js';
import { deliverNotificationKind } from '../notifications/deliver-notification-kind.js';
import { renewMetadataKind } from '../signing/renew-metadata.js';
import { buildDeltaKind } from './build-delta-kind.js';
import { cleanUpKind } from './clean-up.js';
import type { JobKind } from './job-queue.js';
import { watchFleetKind } from './watch-fleet.js';

/** Every kind of job there is. */
export const jobKinds: readonly JobKind<object>[] = [
  buildDeltaKind,
  deliverNotificationKind,
  announceReleaseKind,
  watchFleetKind,
  cleanUpKind,
  renewMetadataKind,
];
