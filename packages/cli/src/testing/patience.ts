/** For what a test waits for (`vi.waitFor`, `expect.poll`): where a machine is busy, ten milliseconds become many seconds. */
export const patience = { timeout: 120_000, interval: 20 } as const;
