/**
 * One `remendo` patch and nothing else: makes it from one file to another and prints what that took.
 *
 *     node bench/dist/make-patch-alone.js compact|fast BASE TARGET PATCH
 */
import { type RemendoPatchMakerOptions, remendoPatchMaker } from '@remendo/core/publish';
import { measured } from './report/usage.js';

const [profile, basePath = '', targetPath = '', patchPath = ''] = process.argv.slice(2);
const maker = remendoPatchMaker({ profile: profile as NonNullable<RemendoPatchMakerOptions['profile']>, workers: 1 });
const usage = await measured(() => maker.make({ basePaths: [basePath], targetPaths: [targetPath], patchPath }));
process.stdout.write(JSON.stringify(usage));
