import type { FileSystem } from '../file-system/file-system.js';
import type { InstallPorts } from '../transaction/install.js';

/** Clock, ids and processes of a machine that can be switched off and on: every boot is a new process, a minute later. */
export class SimulatedMachine {
  nowMs = 1_800_000_000_000;
  #boots = 0;
  #ids = 0;

  /** The ports of a program started after a boot; the programs of earlier boots are dead. */
  boot(fileSystem: FileSystem): InstallPorts {
    this.nowMs += 60_000;
    this.#boots++;
    return this.sameBoot(fileSystem);
  }

  /** The ports of the program of the last boot, once more. */
  sameBoot(fileSystem: FileSystem): InstallPorts {
    const pid = 1_000 + this.#boots;
    return {
      fileSystem,
      clock: {
        now: () => this.nowMs,
        sleep: async (ms) => {
          this.nowMs += ms;
        },
      },
      random: { id: () => `id-${++this.#ids}` },
      processes: {
        pid,
        startedAt: async () => `boot ${pid}`,
        isAlive: async (other, startedAt) => other === 1_000 + this.#boots && startedAt === `boot ${other}`,
      },
    };
  }
}
