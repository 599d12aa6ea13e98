/** The program of a thread that makes patches. */
import { parentPort } from 'node:worker_threads';
import { nodeFileSystem } from '../../file-system/node-file-system.js';
import type { PatchReport } from '../../patch/describe-patch.js';
import { answerJobs } from '../../workers/answer-jobs.js';
import { type MakePatchJob, makePatchFile } from './make-patch-file.js';

const fileSystem = nodeFileSystem();
answerJobs<MakePatchJob, PatchReport>(parentPort, (job, signal) => makePatchFile(fileSystem, job, signal));
