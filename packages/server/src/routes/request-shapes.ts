/** Shapes of queries and headers that several routes take. */
import { type CodecName, codecNames, unannouncedCodecs } from '@remendo/core';
import { channels } from '@remendo/core/protocol';
import { Type } from 'typebox';

export const slug = Type.String({ pattern: '^[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?$', maxLength: 64 });
export const version = Type.String({ minLength: 1, maxLength: 64 });
export const digest = Type.String({ pattern: '^[0-9a-f]{64}$' });
export const channel = Type.Unsafe<(typeof channels)[number]>({ type: 'string', enum: [...channels] });

/** What a terminal that is not enrolled calls itself (`X-Terminal-Id`). */
export const terminalName = Type.Optional(Type.String({ minLength: 1, maxLength: 128 }));

/** Names of codecs, comma between: of patches that a terminal can apply. */
export const codecs = Type.String({ pattern: '^[a-z0-9+]{1,64}(?:,[a-z0-9+]{1,64})*$', maxLength: 1_000 });

/** Those that this server knows too, in its order. Who says nothing is a terminal of the first version. */
export const codecsOf = (asked: string | undefined): readonly CodecName[] => {
  const names: readonly string[] = asked?.split(',') ?? unannouncedCodecs;
  return codecNames.filter((name) => names.includes(name));
};

/** Which application and platform: left out, the default application and its only platform. */
export const askedQuery = { application: Type.Optional(slug), platform: Type.Optional(slug) };
export const askedHeaders = { 'x-application': Type.Optional(slug), 'x-platform': Type.Optional(slug) };

export const AskedQuery = Type.Object(askedQuery);
export const AskedHeaders = Type.Object(askedHeaders);

interface AskedRequest {
  readonly query: { readonly application?: string; readonly platform?: string };
  readonly headers: { readonly 'x-application'?: string; readonly 'x-platform'?: string };
}

export const askedOf = ({ query, headers }: AskedRequest): { application: string | undefined; platform: string | undefined } => ({
  application: query.application ?? headers['x-application'],
  platform: query.platform ?? headers['x-platform'],
});

export const oneOf = <const T extends readonly string[]>(values: T) =>
  Type.Unsafe<T[number]>({ type: 'string', enum: [...values] });

/** Why something is changed that has no body to say so: kept in the audit. */
export const reasonQuery = { reason: Type.Optional(Type.String({ maxLength: 500 })) };
