import { describe, expect, it } from 'vitest';
import { planLines } from './show-events.js';

describe('the table of plans', () => {
  it('tells in the units of its columns how much dearer each other plan is', () => {
    const chosen = { label: 'chain 1.0.0 → 1.0.1', fetchBytes: 976_831, requests: 2, costBytes: 978_031 };
    const lines = planLines(
      [chosen],
      [
        { label: 'whole contents', costBytes: 6_282_882, reason: '5,304,851 bytes dearer' },
        { label: 'full zip', costBytes: 978_031, reason: '0 bytes dearer than chain 1.0.0 → 1.0.1' },
        { label: 'chain 0.9.0 → 1.0.1', costBytes: null, reason: 'the delta is not built' },
      ],
      'en',
    );
    expect(lines).toEqual([
      'plan                 to fetch     cost',
      'chain 1.0.0 → 1.0.1    977 kB   978 kB  chosen, 2 requests',
      'whole contents                 6.28 MB  5.30 MB dearer',
      'full zip                        978 kB  the same cost',
      'chain 0.9.0 → 1.0.1                  —  the delta is not built',
    ]);
  });
});
