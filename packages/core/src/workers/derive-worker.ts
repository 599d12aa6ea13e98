/** The program of a thread that derives contents. */
import { parentPort } from 'node:worker_threads';
import { nodeFileSystem } from '../file-system/node-file-system.js';
import { answerJobs } from './answer-jobs.js';
import { type DeriveJob, deriveContents } from './derive-contents.js';

const fileSystem = nodeFileSystem();
answerJobs<DeriveJob>(parentPort, (job, signal) => deriveContents(fileSystem, job, signal));
