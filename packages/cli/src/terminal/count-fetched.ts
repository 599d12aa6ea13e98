/** fetch, and a count of the bytes of all bodies it brought; headers are not in it. */
export function countFetched(fetch: typeof globalThis.fetch): {
  readonly fetch: typeof globalThis.fetch;
  readonly bytes: () => number;
} {
  let bytes = 0;
  return {
    bytes: () => bytes,
    async fetch(input, init) {
      const response = await fetch(input, init);
      const { status, statusText, headers, body } = response;
      if (body === null || status < 200 || status > 299) return response;
      const counter = new TransformStream<Uint8Array, Uint8Array>({
        transform(chunk, controller) {
          bytes += chunk.length;
          controller.enqueue(chunk);
        },
      });
      return new Response(body.pipeThrough(counter), { status, statusText, headers });
    },
  };
}
