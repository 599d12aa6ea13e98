import { errorChain, isUpdaterError, UpdaterError } from '../errors.js';
import type { ObjectRequest, ObjectSource } from './object-source.js';

/**
 * The first source that works, for each request anew: a stick, then a relay, then the server. When one fails in the
 * middle, the next goes on from there. Failures that are not of a download (an aborted signal, a server's own verdict
 * such as RELEASE_NOT_OFFERED) end the search.
 *
 * When all fail, the last one's code is thrown with that error as its cause and every source's failure in
 * `details.tried`.
 * @param sources at least one.
 */
export function sourcesInOrder(sources: readonly ObjectSource[]): ObjectSource {
  const [first, ...others] = sources;
  if (first === undefined) throw new UpdaterError('CONFIG_INVALID', 'There is no source to fetch from');
  if (others.length === 0) return first;
  return {
    name: sources.map((source) => source.name).join(', then '),
    open: (request) => openInOrder(sources, request),
    otherwise: sourcesInOrder(others),
    planned: (plan) => {
      for (const source of sources) source.planned?.(plan);
    },
    // Each knows whether it gave anything of the object.
    refuted: (digest) => {
      for (const source of sources) source.refuted?.(digest);
    },
  };
}

async function* openInOrder(sources: readonly ObjectSource[], request: ObjectRequest): AsyncGenerator<Uint8Array> {
  let doneBytes = 0;
  const failures: UpdaterError[] = [];
  const tried: string[] = [];
  for (const [index, source] of sources.entries()) {
    const others = sources.slice(index + 1);
    const next = others.length === 0 ? request.next : sourcesInOrder(others);
    try {
      const rest = { ...request, next, offset: request.offset + doneBytes, bytes: request.bytes - doneBytes };
      for await (const chunk of source.open(rest)) {
        doneBytes += chunk.length;
        yield chunk;
      }
      return;
    } catch (error) {
      if (!isUpdaterError(error) || !error.code.startsWith('DOWNLOAD_')) throw error;
      failures.push(error);
      tried.push(`${source.name}: ${errorChain(error).join(': ')}`);
    }
  }
  const last = failures.at(-1);
  throw new UpdaterError(last?.code ?? 'DOWNLOAD_FAILED', 'No source gave the object', {
    details: { digest: request.digest, tried },
    cause: last,
  });
}
