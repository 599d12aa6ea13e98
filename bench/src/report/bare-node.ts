/** Sits there for a moment and tells its peak memory: what Node takes before it runs anything. */
import { setTimeout } from 'node:timers/promises';
import { peakBytes } from './usage.js';

await setTimeout(100);
process.stdout.write(JSON.stringify({ peakBytes: peakBytes() }));
