/** The program of a thread that makes patches. */
import { parentPort } from 'node:worker_threads';
import { nodeFileSystem } from '../../file-system/node-file-system.js';
import { answerJobs } from '../../workers/answer-jobs.js';
import { type MakePatchJob, makePatchFile } from './make-patch-file.js';

const fileSystem = nodeFileSystem();
answerJobs<MakePatchJob>(parentPort, (job, signal) => makePatchFile(fileSystem, job, signal));
