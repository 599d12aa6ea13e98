/**
 * `.remendo/agent.json`: what the agent has done and means to do, so that a restart neither repeats nor forgets. Replaced
 * whole and durably; damaged, it is as if the agent had never run.
 */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { limits } from '@remendo/core';
import { type Static, Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { makePrivateFolder, replaceFile } from '../terminal/replace-file.js';

export const agentStateName = 'agent.json';
/** Taken by a running agent, once. */
export const agentLockName = 'agent.lock';

export const jobNames = ['update', 'license', 'cleanup', 'backups'] as const;
export type JobName = (typeof jobNames)[number];

/** What a Date can be made of. */
const moment = Type.Number({ minimum: 0, maximum: 8.64e15 });
const ms = Type.Union([moment, Type.Null()]);
const text = Type.Union([Type.String({ maxLength: 2_000 }), Type.Null()]);
const jobState = Type.Object({
  /** When it began last. */
  lastRunMs: ms,
  /** Earlier than its next time: a repetition, or what it waits for. */
  againAtMs: ms,
  /** Until when the server asked not to be asked, whoever's schedule it is; missing in states of older programs. */
  notBeforeMs: Type.Optional(ms),
  /** Repetitions in a row, for the time until the next one. */
  attempts: Type.Integer({ minimum: 0, maximum: 1_000_000 }),
  /** `running`: it began and was cut off. */
  outcome: text,
  detail: text,
});
export type JobState = Static<typeof jobState>;

const state = Type.Object({
  format: Type.Literal('remendo-agent-1'),
  jobs: Type.Record(Type.String({ maxLength: 40 }), jobState),
  /** Downloaded, and not installed yet. */
  preparedVersion: text,
  license: Type.Union([
    Type.Null(),
    Type.Object({ status: Type.String(), daysLeft: Type.Integer(), expiresOn: Type.String(), checkedAtMs: moment }),
  ]),
});
export type AgentState = Static<typeof state>;
const validator = Compile(state);

export const newAgentState: AgentState = { format: 'remendo-agent-1', jobs: {}, preparedVersion: null, license: null };
export const newJobState: JobState = { lastRunMs: null, againAtMs: null, attempts: 0, outcome: null, detail: null };

/** Null: the agent never ran here, or its state is damaged. */
export function readAgentState(home: string): AgentState | null {
  try {
    const path = join(home, agentStateName);
    if (statSync(path).size > limits.answerBytesMax) return null;
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'));
    return validator.Check(value) ? value : null;
  } catch {
    return null;
  }
}

/** @throws what the system says. */
export function writeAgentState(home: string, value: AgentState): void {
  makePrivateFolder(home);
  replaceFile(join(home, agentStateName), `${JSON.stringify(value)}\n`, { durable: true });
}
