/** What the relay did, in numbers: since it started, and since it was last told. */
export interface Traffic {
  /** For objects. */
  requests: number;
  /** Of these, the ones that nothing had to be fetched for. */
  hits: number;
  /** Object is in no plan of the branch, or the server does not have it. */
  notFound: number;
  /** Not a terminal's request, or not from here. */
  refused: number;
  /** Told to go to the server, or broken off. */
  failed: number;
  bytesServed: number;
}

export const noTraffic = (): Traffic => ({ requests: 0, hits: 0, notFound: 0, refused: 0, failed: 0, bytesServed: 0 });
