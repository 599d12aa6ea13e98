/**
 * The server's log: JSON lines, one for each event whatever is told in it. Texts of strangers are in them (addresses,
 * names, what a database complains of), and people read logs on screens: characters that move a cursor, turn the
 * direction of writing or end a line for some readers are written as escapes, which JSON reads back as they were; and no
 * line is longer than `lineCharactersMax`.
 */
import { type FastifyBaseLogger, fastify } from 'fastify';

export interface LogOptions {
  /** Least level: `info`. */
  readonly level: string;
  /** Takes one whole line, its line feed included. */
  readonly write: (line: string) => void;
}

export const lineCharactersMax = 16_384;
/** Of one text in a line that is too long. */
const textCharactersMax = 500;

/** Headers are not logged, unless somebody logs a whole request; a database quotes the row that it does not take. */
const redact = [
  'req.headers.authorization',
  'req.headers["x-api-secret"]',
  'req.headers.cookie',
  'token',
  'err.detail',
  'err.where',
];

export const createServerLog = ({ level, write }: LogOptions): FastifyBaseLogger =>
  fastify({ logger: { level, redact, stream: { write: (line: string) => write(boundedLine(line)) } } }).log;

/** With its texts cut where it is too long; where it still is, what says when and what it was. */
function boundedLine(line: string): string {
  const whole = shortOf(line);
  if (whole !== null) return whole;
  const cut = (_name: string, value: unknown): unknown =>
    typeof value === 'string' && value.length > textCharactersMax ? `${value.slice(0, textCharactersMax)}…` : value;
  const { level, time, pid, reqId, event, msg, ...fields } = JSON.parse(line, cut) as Record<string, unknown>;
  const head = { level, time, pid, reqId, event, msg };
  return shortOf(textOf({ ...head, ...fields })) ?? harmless(textOf({ ...head, is_cut: true }));
}

const textOf = (value: object): string => `${JSON.stringify(value)}\n`;

/** Null: it is too long, as it is or without what is harmful. */
function shortOf(line: string): string | null {
  const text = line.length <= lineCharactersMax ? harmless(line) : line;
  return text.length <= lineCharactersMax ? text : null;
}

/** C1 controls (some screens take U+009B for the beginning of a command), marks of direction and what is not seen, line ends of Unicode. */
const harmful = /[\x7f-\x9f\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** In JSON such a character stands in texts only, where its escape says the same. */
const harmless = (line: string): string => line.replace(harmful, escaped);

const escaped = (character: string): string =>
  Array.from({ length: character.length }, (_, at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`).join('');
