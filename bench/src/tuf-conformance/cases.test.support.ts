import type { ClientUnderTest } from './client.test.support.js';
import type { ConformanceRepository } from './repository.test.support.js';

/** One test of the suite: it makes the repository what it has to be, and expects. */
export type Case = (client: ClientUnderTest, repository: ConformanceRepository) => Promise<void>;

/** By the name of the suite's function, with its parameter in brackets. */
export type Cases = Readonly<Record<string, Case>>;

/** One case for each parameter. */
export const each = <Parameter>(
  name: string,
  parameters: Readonly<Record<string, Parameter>>,
  of: (parameter: Parameter) => Case,
): Cases => Object.fromEntries(Object.entries(parameters).map(([id, parameter]) => [`${name}[${id}]`, of(parameter)]));
