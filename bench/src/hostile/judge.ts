/** What the doors answer to the fixtures, and what is wrong with that. */
import type { HostileFixture, HostileInput } from '@remendo/core/testing';
import type { Answer, Door } from './doors.js';
import { watchMemory } from './watch-memory.js';

const bombBytesMax = 64 * 1024 * 1024;

export interface Fault {
  readonly fixture: string;
  readonly door: string;
  readonly expected: string;
  readonly problem: string;
}

/**
 * Every fixture to every door: the doors side by side, each with one fixture after the other; then the bombs, alone, since
 * the memory of all is counted together.
 */
export async function judge(fixtures: readonly HostileFixture[], doors: readonly Door[]): Promise<readonly Fault[]> {
  const trial = new Trial();
  const quiet = fixtures.filter(({ isBomb }) => !isBomb);
  const inputs = new Map(quiet.map((fixture) => [fixture, Promise.resolve(fixture.input())]));
  const visit = async (door: Door): Promise<void> => {
    for (const [fixture, input] of inputs) await trial.bring(fixture, door, await input);
  };
  await Promise.all(doors.map(visit));
  for (const fixture of fixtures) {
    if (!fixture.isBomb) continue;
    const input = await fixture.input();
    for (const door of doors) await trial.bringBomb(fixture, door, input);
  }
  return [...trial.faults, ...trial.unseen(fixtures)];
}

class Trial {
  readonly faults: Fault[] = [];
  readonly #seen = new Set<HostileFixture>();

  async bring(fixture: HostileFixture, door: Door, input: HostileInput): Promise<void> {
    await this.#told(fixture, async () => this.#hear(fixture, await door.bring(input)));
  }

  async bringBomb(fixture: HostileFixture, door: Door, input: HostileInput): Promise<void> {
    if (door.isElsewhere) return this.bring(fixture, door, input);
    await this.#told(fixture, async () => {
      const { value: answers, grownBytes } = await watchMemory(() => door.bring(input), bombBytesMax);
      this.#hear(fixture, answers);
      if (grownBytes === null || grownBytes <= bombBytesMax) return;
      this.#fault(fixture, answers[0]?.door ?? 'a door', `memory grew by ${Math.round(grownBytes / 2 ** 20)} MiB`);
    });
  }

  /** A fixture that nobody looked at proves nothing. */
  unseen(fixtures: readonly HostileFixture[]): readonly Fault[] {
    return fixtures
      .filter((fixture) => !this.#seen.has(fixture))
      .map((fixture) => ({ fixture: fixture.name, door: 'none', expected: expectedOf(fixture), problem: 'it came to no door' }));
  }

  #hear(fixture: HostileFixture, answers: readonly Answer[]): void {
    if (answers.length > 0) this.#seen.add(fixture);
    for (const answer of answers) for (const problem of problemsOf(answer, fixture)) this.#fault(fixture, answer.door, problem);
  }

  /** What is thrown at a door is no answer. */
  async #told(fixture: HostileFixture, work: () => Promise<void>): Promise<void> {
    await work().catch((error: unknown) => {
      this.#fault(fixture, 'a door', `threw ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    });
  }

  #fault(fixture: HostileFixture, door: string, problem: string): void {
    this.faults.push({ fixture: fixture.name, door, expected: expectedOf(fixture), problem });
  }
}

const expectedOf = ({ code }: HostileFixture): string => code ?? 'set aside';

function problemsOf({ code, mayTake, mayBe, harm }: Answer, fixture: HostileFixture): readonly string[] {
  const isRight = code === fixture.code || (code === null && mayTake === true) || (code !== null && code === mayBe);
  return [...(isRight ? [] : [`answered ${code ?? 'nothing'}`]), ...harm];
}
