/** The terminals of a simulation: who they are, where they come from, what they have. */
import { randomUUID } from 'node:crypto';
import { arch, platform } from 'node:os';
import type { EnrolRequest } from '@remendo/core/protocol';
import { programVersion } from '../version.js';
import { fieldsOf, textOf } from './answers.js';
import { Link } from './link.js';
import { chooseWeighted, type Simulation } from './parse-simulation.js';
import { seededRandom } from './seeded-random.js';
import { type FleetRules, SimulatedTerminal } from './simulated-terminal.js';
import { type Network, TerminalClient } from './terminal-client.js';

export interface Fleet {
  /** What every event id begins with; another one in every run, so that no server takes events for those of an earlier one. */
  readonly name: string;
  readonly members: readonly FleetMember[];
}

export interface FleetMember {
  readonly name: string;
  readonly client: TerminalClient;
  readonly terminal: SimulatedTerminal;
}

/** Enrolments at the same time. */
const enrolmentsAtOnce = 16;

/** @param credentials of a customer, for all terminals; empty: they are nobody's. */
export function createFleet(
  simulation: Simulation,
  {
    network,
    rules,
    credentials,
  }: { readonly network: Network; readonly rules: FleetRules; readonly credentials: TerminalClient['credentials'] },
): Fleet {
  const name = `sim-${randomUUID().slice(0, 13)}`;
  const random = seededRandom(simulation.seed);
  const members = Array.from({ length: simulation.terminals }, (_, index): FleetMember => {
    const identity = { name: `${name}-${index}`, version: chooseWeighted(simulation.versions, random()) };
    const own = {
      random: seededRandom(simulation.seed + index + 1),
      link: new Link(chooseWeighted(simulation.links, random())),
      localAddress: simulation.hasOwnAddresses ? loopbackAddress(index) : undefined,
    };
    const client = new TerminalClient(network, own);
    client.credentials = credentials;
    const terminal = new SimulatedTerminal(identity, rules, { client, random: own.random });
    return { name: identity.name, client, terminal };
  });
  return { name, members };
}

/** 127.16.0.1 and on: all of 127.0.0.0/8 is this machine. */
const loopbackAddress = (index: number): string => {
  const host = index + 1;
  return `127.${16 + (host >> 16)}.${(host >> 8) & 255}.${host & 255}`;
};

/** Afterwards every terminal signs in as itself. @throws UpdaterError when the server does not take one. */
export async function enrolFleet({ members }: Fleet): Promise<void> {
  const waiting = members.values();
  const enrolNext = async (): Promise<void> => {
    for (const { name, client } of waiting) {
      const body: EnrolRequest = {
        name,
        branch: 'simulated',
        operating_system: platform(),
        architecture: arch(),
        agent_version: programVersion,
      };
      const { value } = await client.json('enrol', { path: 'api/v1/terminals/enrol', body });
      const enrolled = fieldsOf(value, 'terminal');
      client.credentials = {
        authorization: `Bearer ${textOf(enrolled, 'terminal_id')}`,
        'x-api-secret': textOf(enrolled, 'secret'),
      };
    }
  };
  await Promise.all(Array.from({ length: enrolmentsAtOnce }, enrolNext));
}
