/** What a server answers to bytes that no client of ours would send. */
import { connect } from 'node:net';

/**
 * Everything that it answers until it closes the connection. What is to be sent later comes with its milliseconds.
 *
 * A connection that is closed before everything was read from it is reset by the system: that takes nothing from an answer that
 * has arrived. One that it came before is asked for again.
 */
export async function rawAnswer(url: string, ...pieces: readonly (string | number)[]): Promise<string> {
  for (;;) {
    const answer = await answerOnce(url, pieces);
    if (answer !== null) return answer;
  }
}

/** Null: the connection was reset before there was an answer. */
function answerOnce(url: string, pieces: readonly (string | number)[]): Promise<string | null> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    let answer = '';
    let isReset = false;
    const socket = connect(Number(port), hostname, async () => {
      for (const piece of pieces) {
        if (socket.destroyed) return;
        if (typeof piece === 'string') socket.write(piece);
        else await new Promise((go) => setTimeout(go, piece));
      }
    });
    socket.on('data', (chunk: Buffer) => {
      answer += chunk.toString();
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      isReset = error.code === 'ECONNRESET' || error.code === 'EPIPE';
      if (!isReset) reject(error);
    });
    socket.on('close', () => resolve(isReset && answer === '' ? null : answer));
  });
}
