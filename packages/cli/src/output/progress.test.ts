import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { createProgress } from './progress.js';

function written(isTTY: boolean, use: (progress: ReturnType<typeof createProgress>) => void): string {
  const stream = Object.assign(new PassThrough(), { isTTY, columns: 80 });
  use(createProgress(stream as unknown as NodeJS.WriteStream, 'en'));
  return String(stream.read() ?? '');
}

describe('progress', () => {
  it('on a terminal nothing is left of the name of the step before', () => {
    const steps = (progress: ReturnType<typeof createProgress>): void => {
      progress.step('Uploading 2.30 MB');
      progress.step('Swapping');
    };
    expect(written(true, steps)).toBe('\r\u001b[KUploading 2.30 MB …\r\r\u001b[KSwapping …\r');
  });

  it('elsewhere a long step has a line for every quarter, a short one only its name', () => {
    const text = written(false, (progress) => {
      progress.step('Downloading');
      for (let done = 0; done <= 10; done += 1) progress.at(done * 1_000_000, 10_000_000, 'bytes');
      progress.step('Building files');
      progress.at(3, 3, 'files');
    });
    expect(text.trim().split('\n')).toEqual([
      'Downloading …',
      'Downloading 30 % (3.00 MB of 10.0 MB)',
      'Downloading 50 % (5.00 MB of 10.0 MB)',
      'Downloading 80 % (8.00 MB of 10.0 MB)',
      'Downloading 100 % (10.0 MB of 10.0 MB)',
      'Building files …',
    ]);
  });
});
