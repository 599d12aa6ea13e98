/**
 * In every process that runs tests: what is sent as a secret and what an answer tells as one is known to be secret; and
 * what must tell none, refusals and whatever is only read, is searched for them when the run is over.
 */
import { recordOutput, recordSecrets, recordVariable } from './test-record.js';

const answerBytesMax = 1024 * 1024;
const told = new Set(['api_key', 'api_secret', 'secret', 'token']);

/** On the function that watches: a process that runs several files of tests watches once. */
const watching = Symbol.for('remendo.watching-answers');

function watch(): void {
  const { fetch } = globalThis;
  if (watching in fetch) return;
  const watched: typeof fetch = async (input, init) => {
    const headers = new Headers(init?.headers ?? (input instanceof Request ? input.headers : undefined));
    recordSecrets(sentSecrets(headers));
    const answer = await fetch(input, init);
    // Nobody waits for it: some tests are about answers that never end.
    keep(init?.method ?? (input instanceof Request ? input.method : 'GET'), answer).catch(() => {});
    return answer;
  };
  globalThis.fetch = Object.assign(watched, { [watching]: true });
}

/** An enrolled terminal's id is no secret. */
function sentSecrets(headers: Headers): readonly string[] {
  const bearer = headers.get('authorization')?.replace(/^bearer +/i, '') ?? '';
  return [...(bearer.startsWith('trm_') ? [] : [bearer]), headers.get('x-api-secret') ?? ''];
}

async function keep(method: string, answer: Response): Promise<void> {
  const length = Number(answer.headers.get('content-length') ?? 0);
  if (!/^application\/(problem\+)?json/.test(answer.headers.get('content-type') ?? '') || length > answerBytesMax) return;
  const isMade = answer.status === 201;
  if (!isMade && answer.status < 400 && method !== 'GET') return;
  const text = await answer.clone().text();
  if (isMade) recordSecrets(secretsOf(JSON.parse(text)));
  else recordOutput('answers', `${answer.status} ${method} ${new URL(answer.url).pathname} ${text}\n`);
}

function secretsOf(value: unknown): readonly string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, field]) =>
    typeof field === 'string' ? (told.has(name) ? [field] : []) : secretsOf(field),
  );
}

if (process.env[recordVariable] !== undefined) watch();
