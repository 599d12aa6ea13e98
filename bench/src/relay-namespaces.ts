/** A network of its own for each machine of a branch, on one bridge: what Linux gives root. */
import { execFileSync } from 'node:child_process';

export interface BranchNetwork {
  /** Where the machines reach this one. */
  readonly address: string;
  /** One for each machine, in order. */
  readonly namespaces: readonly string[];
  close(): void;
}

const bridge = 'remendo-br';
const ip = (...args: readonly string[]): void => void execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] });

/** @throws Error where namespaces can not be made. @param count at most 200. */
export function openBranchNetwork(count: number): BranchNetwork {
  const namespaces = Array.from({ length: count }, (_, index) => `remendo-${index}`);
  const close = (): void => {
    for (const name of namespaces) attempt(() => ip('netns', 'del', name));
    attempt(() => ip('link', 'del', bridge));
  };
  close();
  try {
    ip('link', 'add', bridge, 'type', 'bridge');
    ip('address', 'add', '10.77.0.1/24', 'dev', bridge);
    ip('link', 'set', bridge, 'up');
    for (const [index, name] of namespaces.entries()) addMachine(name, index);
  } catch (error) {
    close();
    throw error;
  }
  return { address: '10.77.0.1', namespaces, close };
}

function addMachine(name: string, index: number): void {
  const [outside, inside] = [`rmd-o${index}`, `rmd-i${index}`];
  ip('netns', 'add', name);
  ip('link', 'add', outside, 'type', 'veth', 'peer', 'name', inside);
  ip('link', 'set', outside, 'master', bridge, 'up');
  ip('link', 'set', inside, 'netns', name);
  const within = (...args: readonly string[]): void => ip('-n', name, ...args);
  within('link', 'set', 'lo', 'up');
  within('address', 'add', `10.77.0.${10 + index}/24`, 'dev', inside);
  within('link', 'set', inside, 'up');
  within('route', 'add', '224.0.0.0/4', 'dev', inside);
}

function attempt(action: () => void): void {
  try {
    action();
  } catch {
    // There was none.
  }
}
