/** Who signs what, as lines for people. */
import type { SigningState } from '@remendo/core/protocol';
import { printable } from '../output/printable.js';
import { countText } from '../output/quantity.js';
import { tableLines } from '../output/table.js';

type RoleState = SigningState['root'];

export function signingLines(state: SigningState): readonly string[] {
  const row = (name: string, { version, expires_at, threshold, key_ids, by_server }: RoleState): readonly string[] => [
    name,
    String(version),
    expires_at.slice(0, 10),
    `${threshold} of ${key_ids.length}`,
    by_server ? 'the server' : 'keys of your own',
    key_ids.map((id) => id.slice(0, 8)).join(' '),
  ];
  const rows = [
    row('root', state.root),
    row('targets', state.targets),
    row('snapshot', state.snapshot),
    row('timestamp', state.timestamp),
    ...state.applications.map(({ application, role, expires_at }) =>
      role === null
        ? [`app ${printable(application)}`, '—', '—', '—', 'nobody yet', '']
        : row(`app ${printable(application)}`, {
            ...role,
            expires_at: [role.expires_at, ...(expires_at === null ? [] : [expires_at])].sort()[0] ?? '',
          }),
    ),
  ];
  const unsigned = state.applications.flatMap(({ application, unsigned_builds }) =>
    unsigned_builds.map(({ version, platform }) => `  ${printable(`${application} ${version} (${platform})`)}`),
  );
  return [
    ...tableLines(
      [
        { title: 'role' },
        { title: 'version', align: 'right' },
        { title: 'until' },
        { title: 'threshold' },
        { title: 'signed by' },
        { title: 'keys' },
      ],
      rows,
    ),
    ...(unsigned.length === 0
      ? []
      : ['', `${countText(unsigned.length, 'build')} not signed yet, which nobody gets:`, ...unsigned]),
    '',
    printable(state.consequence),
  ];
}
