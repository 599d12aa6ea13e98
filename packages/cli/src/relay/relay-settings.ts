/** What the machine that is the relay is told, and what it does where it is told nothing. */
import { isIP } from 'node:net';
import { type Static, Type } from 'typebox';

const gibibyte = 1024 ** 3;
const slug = Type.String({ pattern: '^[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?$', maxLength: 64 });

export const RelayServerSettings = Type.Object(
  {
    /** Address to listen at. */
    host: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
    /** 0: any that is free. */
    port: Type.Optional(Type.Integer({ minimum: 0, maximum: 65_535 })),
    /** For the cache and the log. */
    folder: Type.Optional(Type.String({ minLength: 1, maxLength: 1_024 })),
    cacheBytes: Type.Optional(Type.Integer({ minimum: 16 * 1024 ** 2, maximum: 1024 * gibibyte })),
    upstreamBytesPerDay: Type.Optional(Type.Integer({ minimum: 1024 ** 2, maximum: Number.MAX_SAFE_INTEGER })),
    /** Addresses that are served, as CIDR. */
    networks: Type.Optional(Type.Array(Type.String({ maxLength: 64 }), { minItems: 1, maxItems: 64 })),
    /** Names that terminals may call the relay by, beside its addresses. */
    names: Type.Optional(Type.Array(Type.String({ maxLength: 253, pattern: '^[A-Za-z0-9.-]+$' }), { maxItems: 16 })),
    /** The only ones it fetches for. */
    applications: Type.Optional(Type.Array(slug, { minItems: 1, maxItems: 64 })),
    /** Whether it makes itself known by mDNS. */
    announce: Type.Optional(Type.Boolean()),
    connectionsMax: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000 })),
    connectionsPerAddressMax: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000 })),
  },
  { additionalProperties: false },
);
export type RelayServerSettings = Static<typeof RelayServerSettings>;

export const relayPort = 8476;

export interface RelayConfig {
  readonly host: string;
  readonly port: number;
  readonly cacheBytes: number;
  readonly upstreamBytesPerDay: number;
  readonly networks: readonly string[];
  readonly names: readonly string[];
  /** Null: whatever the server gives this relay. */
  readonly applications: readonly string[] | null;
  readonly announce: boolean;
  readonly connectionsMax: number;
  readonly connectionsPerAddressMax: number;
}

/** RFC 1918, 3927, 4193, 4291: addresses that no router passes on to the world. */
export const privateNetworks: readonly string[] = [
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '169.254.0.0/16',
  '127.0.0.0/8',
  '::1/128',
  'fc00::/7',
  'fe80::/10',
];

export function relayConfigOf(given: RelayServerSettings | null): RelayConfig {
  const { folder: _folder, ...settings } = given ?? {};
  return {
    host: '0.0.0.0',
    port: relayPort,
    cacheBytes: 8 * gibibyte,
    upstreamBytesPerDay: 8 * gibibyte,
    networks: privateNetworks,
    names: [],
    applications: null,
    announce: true,
    connectionsMax: 512,
    connectionsPerAddressMax: 64,
    ...settings,
  };
}

/** What no schema finds. @returns a sentence each. */
export function problemsOf({ host, networks }: RelayConfig): readonly string[] {
  const wrong = networks.filter((network) => !isNetwork(network));
  return [
    ...(isIP(host) === 0
      ? [`relayServer.host must be an IP address of this machine, such as 0.0.0.0, not ${JSON.stringify(host)}`]
      : []),
    ...wrong.map((network) => `relayServer.networks: ${JSON.stringify(network)} is no network such as 10.1.0.0/16`),
  ];
}

function isNetwork(text: string): boolean {
  const [address = '', prefix = '', ...more] = text.split('/');
  const bits = isIP(address) === 4 ? 32 : isIP(address) === 6 ? 128 : -1;
  return more.length === 0 && /^\d{1,3}$/.test(prefix) && Number(prefix) <= bits;
}
