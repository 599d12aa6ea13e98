/** The server's answers as values of the library; everything in them has been validated and is still only a claim. */
import { type BlockFrame, type ComparedContent, readBlockFrames } from '../delta/content-blocks.js';
import type { Blob, Content, EncodingName } from '../delta/delta.js';
import { answerValidator } from '../download/answer-validator.js';
import type { HttpClient } from '../download/http-client.js';
import { hasCode, UpdaterError } from '../errors.js';
import type { Digest } from '../hash/digest.js';
import { limits } from '../limits.js';
import { isSemver } from '../manifest/version.js';
import type { CodecName } from '../patch/codec-name.js';
import type { ObjectFetch } from '../planner/plan.js';
import { CheckAnswer, ContentsAnswer, IdentifyAnswer, type OfferedPlan, PlanAnswer } from '../protocol/index.js';

export interface ServerApi {
  check(query: { readonly version: string | null }, signal?: AbortSignal): Promise<CheckAnswer>;
  plan(
    query: { readonly base: string | null; readonly baseManifest: Digest | null; readonly target: string },
    signal?: AbortSignal,
  ): Promise<PlanAnswer>;
  contents(version: string, contents: readonly Digest[], signal?: AbortSignal): Promise<readonly WholeContent[]>;
  /**
   * The blocks in which what is here differs from contents of a release. An answer may end before it is complete.
   * @throws UpdaterError DOWNLOAD_…, LICENSE_…, REQUEST_INVALID; BodyBroken when the link broke in the middle.
   */
  blocks(
    version: string,
    contents: readonly BlocksHeld[],
    options?: BlocksOptions,
  ): AsyncGenerator<BlockFrame, { readonly isComplete: boolean }>;
  /** Waits as before the given repetition (1 is the first) of a request. @returns false when there were enough. */
  backOff(repetition: number, signal?: AbortSignal): Promise<boolean>;
  /** The detached OpenPGP signature of a release's full zip. @throws UpdaterError RECORD_NOT_FOUND when there is none. */
  signature(version: string, signal?: AbortSignal): Promise<Uint8Array>;
  identify(files: readonly { readonly path: string; readonly sha256: Digest }[], signal?: AbortSignal): Promise<IdentifyAnswer>;
}

/** What is here of a content, block by block. */
export interface BlocksHeld extends ComparedContent {
  readonly sha256: Digest;
  /** Of its blocks from the first on, one after the other. */
  readonly digests: string;
}

export interface BlocksOptions {
  /** Leave the bytes out: which blocks differ is all that is asked (default false). */
  readonly onlyWhich?: boolean;
  /** Awaited for every chunk that arrives: a bandwidth limit. */
  readonly onArrived?: (bytes: number) => Promise<void>;
  readonly signal?: AbortSignal;
}

/** Where one content can be fetched whole. */
export interface WholeContent {
  readonly target: Content;
  readonly encoding: EncodingName;
  readonly blob: Blob;
  readonly objectBytes: number;
}

export interface ServerApiOptions {
  readonly channel: string;
  readonly codecs: readonly CodecName[];
  readonly asking: () => Promise<AskingTerminal>;
}

/** Who is asking, and for what; null: the server's default. */
export interface AskingTerminal {
  readonly application: string | null;
  readonly platform: string | null;
  readonly terminalId: string | null;
}

/** The link or the server failed, or it asked to come later: that says nothing about a release, nor about a plan. */
export const isNoAnswer = (error: unknown): boolean => hasCode(error, 'DOWNLOAD_FAILED', 'LIMIT_RATE', 'SERVER_FAILED');

const checkAnswer = answerValidator(CheckAnswer);
const planAnswer = answerValidator(PlanAnswer);
const contentsAnswer = answerValidator(ContentsAnswer);
const identifyAnswer = answerValidator(IdentifyAnswer);

/**
 * @param options.codecs of patches that the terminal knows: plans are made of these.
 * @param options.asking is asked before every call, since an update may change the answer.
 */
export function createServerApi(http: HttpClient, options: ServerApiOptions): ServerApi {
  const { channel, asking } = options;
  const codecs = options.codecs.join(',');
  const headers = async (): Promise<Record<string, string>> => {
    const { application, platform, terminalId } = await asking();
    return {
      'x-release-channel': channel,
      ...(application === null ? {} : { 'x-application': application }),
      ...(platform === null ? {} : { 'x-platform': platform }),
      ...(terminalId === null ? {} : { 'x-terminal-id': terminalId }),
    };
  };
  const abort = (signal?: AbortSignal) => (signal === undefined ? {} : { signal });
  return {
    async check({ version }, signal) {
      const versionHeader = version === null ? {} : { 'x-client-version': version };
      const answer = await http.json('api/v1/updates/check', {
        query: { codecs },
        headers: { ...(await headers()), ...versionHeader },
        validate: checkAnswer,
        ...abort(signal),
      });
      if (answer.update_available && (answer.latest_version === null || !isSemver(answer.latest_version))) {
        throw new UpdaterError('DOWNLOAD_FAILED', 'the server offers an update without a version');
      }
      return answer;
    },
    async plan({ base, baseManifest, target }, signal) {
      const query = { target, base: base ?? undefined, base_manifest: baseManifest ?? undefined, codecs };
      return http.json('api/v1/updates/plan', {
        query,
        headers: await headers(),
        validate: planAnswer,
        answerBytesMax: limits.planAnswerBytesMax,
        ...abort(signal),
      });
    },
    async contents(version, contents, signal) {
      const answer = await http.json('api/v1/updates/contents', {
        headers: await headers(),
        method: 'POST',
        idempotent: true,
        body: { version, contents },
        validate: contentsAnswer,
        ...abort(signal),
      });
      return answer.contents.map(wholeContent);
    },
    async *blocks(version, contents, { onlyWhich = false, onArrived, signal } = {}) {
      const body = {
        version,
        contents: contents.map(({ sha256, blockBytes, digests }) => ({ sha256, block_bytes: blockBytes, digests })),
        ...(onlyWhich ? { only_which: true } : {}),
      };
      const answer = await http.stream('api/v1/updates/blocks', { headers: await headers(), body, ...abort(signal) });
      return yield* readBlockFrames(paced(answer.body, onArrived), contents);
    },
    backOff: (repetition, signal) => http.backOff(repetition, signal),
    async signature(version, signal) {
      const path = `api/v1/updates/signature/${encodeURIComponent(version)}`;
      return http.bytes(path, { headers: await headers(), bytesMax: limits.signatureBytesMax, ...abort(signal) });
    },
    async identify(files, signal) {
      return http.json('api/v1/updates/identify', {
        method: 'POST',
        idempotent: true,
        headers: await headers(),
        body: { files },
        validate: identifyAnswer,
        ...abort(signal),
      });
    },
  };
}

async function* paced(chunks: AsyncIterable<Uint8Array>, onArrived?: (bytes: number) => Promise<void>) {
  for await (const chunk of chunks) {
    await onArrived?.(chunk.length);
    yield chunk;
  }
}

const wholeContent = (content: ContentsAnswer['contents'][number]): WholeContent => ({
  target: { sha256: content.sha256 as Digest, bytes: content.bytes },
  encoding: content.encoding,
  blob: {
    object: content.object as Digest,
    offset: content.offset,
    bytes: content.encoded_bytes,
    sha256: content.encoded_sha256 as Digest,
  },
  objectBytes: content.object_bytes,
});

/** The fetches of an offered plan in the planner's words. @throws UpdaterError PLAN_INVALID when ranges leave their object. */
export function fetchesOfPlan(plan: OfferedPlan): readonly ObjectFetch[] {
  return plan.fetches.map((fetch) => {
    let end = -1;
    const ranges = fetch.ranges.map(([offset, bytes]) => {
      if (offset <= end || bytes === 0 || offset + bytes > fetch.object_bytes) {
        throw new UpdaterError('PLAN_INVALID', `the ranges of object ${fetch.digest} are not in order or leave it`);
      }
      end = offset + bytes - 1;
      return { offset, bytes };
    });
    return { digest: fetch.digest as Digest, objectBytes: fetch.object_bytes, ranges };
  });
}
