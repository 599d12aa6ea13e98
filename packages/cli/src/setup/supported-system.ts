/** Where this program is known to work: Windows 10 / Server 2016 x64 and later, Linux x64 with glibc. */
export interface SystemFacts {
  readonly platform: NodeJS.Platform;
  readonly architecture: string;
  /** `10.0.19045` of Windows, the kernel's elsewhere. */
  readonly release: string;
  /** Version of glibc; null: another C library. */
  readonly glibc: string | null;
}

/** This machine. */
export function systemFacts(release: string): SystemFacts {
  const report = process.platform === 'linux' ? (process.report.getReport() as unknown as Report) : null;
  const glibc = report?.header.glibcVersionRuntime ?? null;
  return { platform: process.platform, architecture: process.arch, release, glibc };
}

interface Report {
  readonly header: { readonly glibcVersionRuntime?: string };
}

/** The build of the first Windows 10; Server 2016 came later. */
const windowsBuildMin = 10_240;

/** @returns why it is none, as a key of the messages; null where it is one. */
export function unsupportedBecause({
  platform,
  architecture,
  release,
  glibc,
}: SystemFacts): 'platform' | 'architecture' | 'windows' | 'glibc' | null {
  if (platform !== 'win32' && platform !== 'linux') return 'platform';
  if (architecture !== 'x64') return 'architecture';
  if (platform === 'linux') return glibc === null ? 'glibc' : null;
  const [major = 0, , build = 0] = release.split('.').map(Number);
  return major > 10 || (major === 10 && build >= windowsBuildMin) ? null : 'windows';
}
