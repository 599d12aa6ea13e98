import { stat } from 'node:fs/promises';
import { connect } from 'node:net';
import type { StepRunner } from '../transaction/step-runner.js';
import type { HealthProbes } from './prove-start.js';

const connectWaitMs = 1_000;

/** This machine's ports, files and programs. */
export const nodeHealthProbes = (steps: StepRunner): HealthProbes => ({
  isListening: async (port) => (await isListening('127.0.0.1', port)) || isListening('::1', port),
  async fileStamp(path) {
    try {
      const { mtimeNs, size, ino } = await stat(path, { bigint: true });
      return `${mtimeNs} ${size} ${ino}`;
    } catch {
      return null;
    }
  },
  async failureOf(command, signal) {
    const { failure } = await steps.run(command, { onStarted: () => Promise.resolve(), signal });
    return failure;
  },
});

function isListening(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: connectWaitMs });
    const end = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => end(true));
    socket.once('error', () => end(false));
    socket.once('timeout', () => end(false));
  });
}
