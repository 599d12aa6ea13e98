/** A Fastify with one JSON route and nothing else: `bare-route.js ANSWER`, with the answer as JSON. */
import { fastify } from 'fastify';

const answer = JSON.parse(process.argv[2] ?? '') as object;
const app = fastify();
app.get('/', async () => answer);
process.stdout.write(`${JSON.stringify({ event: 'listening', url: await app.listen({ port: 0, host: '127.0.0.1' }) })}\n`);
