/** The measuring commands run and tell what they should; what they measure in so little time is nothing to go by. */
import { describe, expect, it } from 'vitest';
import { runBuilt } from './server.test.support.js';

describe('what is measured of the server', () => {
  it('checks against a bare route, and how long revoked keys and withdrawn releases go on', async () => {
    const result = await runBuilt('check-throughput.js', ['--seconds', '1', '--rounds', '1', '--connections', '4']);
    expect(result).toMatchObject({ event: 'check_throughput', two_processes: null });
    expect(result.ratio).toBeGreaterThan(0);
    expect(result.one_process).toEqual({ revoked_key_ms: expect.any(Number), withdrawn_release_ms: expect.any(Number) });
  });

  it('the cost of plans that go over several releases', async () => {
    const result = await runBuilt('plan-cost.js', ['--files', '20', '--releases', '4']);
    expect(result).toMatchObject({ event: 'plan_cost', plans: 18 });
    expect(result.best_plans).toContain('chain 1.0.0 → 1.3.0');
    expect(result.cpu_ms).toBeGreaterThan(0);
  });

  it('ranges against other servers of files', async () => {
    const result = await runBuilt('range-downloads.js', ['--seconds', '1', '--rounds', '1', '--connections', '2']);
    expect(result.to_static).toEqual({ requests: expect.any(Number), cpu: expect.any(Number) });
  });

  it('a fleet that loses nothing, and the memory of the server meanwhile', async () => {
    const result = await runBuilt('fleet.js', [
      '--terminals',
      '20',
      '--minutes',
      '0.1',
      '--updating',
      '5',
      '--check-interval',
      '2s',
      '--enrol',
    ]);
    expect(result).toMatchObject({ event: 'fleet', lost: 0, failures: [], counts: { updates_completed: 5 } });
    expect(result.delta_bytes).toBeGreaterThan(195_000);
    expect(result.memory_ratio).toBeGreaterThan(0);
  });
});
