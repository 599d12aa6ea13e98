/** A Fastify that serves the files of a folder by @fastify/static and does nothing else: `static-files.js FOLDER`. */
import fastifyStatic from '@fastify/static';
import { fastify } from 'fastify';

const app = fastify();
await app.register(fastifyStatic, { root: process.argv[2] ?? '' });
process.stdout.write(`${JSON.stringify({ event: 'listening', url: await app.listen({ port: 0, host: '127.0.0.1' }) })}\n`);
