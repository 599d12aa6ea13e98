/** Every setting of the server in one table: help, documentation and parsing come from it. */
import { parseAddressBlocks } from './accounts/address-blocks.js';

export interface Setting<T> {
  /** Null: there is none, see `secret`. */
  readonly flag: string | null;
  readonly variable: string;
  /** What stands behind the flag in the help. */
  readonly argument: string;
  /** As text, as a person would write it; null: it has to be given. */
  readonly default: string | null;
  readonly sentence: string;
  /** Throws an Error with what is wrong. */
  readonly parse: (text: string) => T;
}

const setting = <T>(value: Setting<T>): Setting<T> => value;

/** Never an argument, which every process on the machine can read: a variable, or a file that `<variable>_FILE` names. */
const secret = <T>(value: Pick<Setting<T>, 'variable' | 'sentence' | 'parse'>): Setting<T | null> => ({
  flag: null,
  argument: '',
  default: '',
  ...value,
  parse: (given) => (given === '' ? null : value.parse(given)),
});

const optional = (value: string): string | null => (value === '' ? null : value);

const optionalUrl = (value: string): string | null => {
  if (value !== '' && (!URL.canParse(value) || !/^https?:$/.test(new URL(value).protocol)))
    throw new Error('must be an http address');
  return optional(value);
};

const text = (value: string): string => {
  if (value === '') throw new Error('must not be empty');
  return value;
};

const integer =
  (min: number, max: number) =>
  (value: string): number => {
    const number = Number(value);
    if (!/^\d+$/.test(value) || number < min || number > max) throw new Error(`must be a whole number from ${min} to ${max}`);
    return number;
  };

const oneOf =
  <const T extends readonly string[]>(...values: T) =>
  (value: string): T[number] => {
    if (!values.includes(value)) throw new Error(`must be one of ${values.join(', ')}`);
    return value;
  };

/** Whether it can be given as a variable or a file only. */
export const isSecret = (setting: Setting<unknown>): boolean => setting.flag === null;

const tokenCharactersMin = 20;
/** What a header can carry, so that a publisher can send it. */
const tokenForm = /^[\x21-\x7e]{1,512}$/;

export const settings = {
  token: secret({
    variable: 'REMENDO_TOKEN',
    sentence: `Token of an operator who may do everything (at least ${tokenCharactersMin} characters); without one, one is made at the first start and printed once.`,
    parse: (value: string): string => {
      if (value.length < tokenCharactersMin) throw new Error(`must have at least ${tokenCharactersMin} characters`);
      if (!tokenForm.test(value)) throw new Error('must have at most 512 characters of ASCII, without spaces');
      return value;
    },
  }),
  dataFolder: setting({
    flag: '--data',
    variable: 'REMENDO_DATA',
    argument: 'DIR',
    default: null,
    sentence: 'Folder of the database, the objects and the uploads; made when it is not there.',
    parse: text,
  }),
  port: setting({
    flag: '--port',
    variable: 'REMENDO_PORT',
    argument: 'N',
    default: '8080',
    sentence: 'TCP port; 0 takes any free one.',
    parse: integer(0, 65_535),
  }),
  host: setting({
    flag: '--host',
    variable: 'REMENDO_HOST',
    argument: 'ADDRESS',
    default: '127.0.0.1',
    sentence: 'Address to listen on; 0.0.0.0 or :: for all.',
    parse: text,
  }),
  deltaBases: setting({
    flag: '--delta-bases',
    variable: 'REMENDO_DELTA_BASES',
    argument: 'K',
    default: '5',
    sentence: 'From how many older releases deltas to a new one are built.',
    parse: integer(0, 100),
  }),
  deltaWorkers: setting({
    flag: '--delta-workers',
    variable: 'REMENDO_DELTA_WORKERS',
    argument: 'N',
    default: '1',
    sentence: 'Deltas built at the same time, each in a process of its own.',
    parse: integer(1, 64),
  }),
  deltaBuildMsMax: setting({
    flag: '--delta-build-ms-max',
    variable: 'REMENDO_DELTA_BUILD_MS_MAX',
    argument: 'MS',
    default: '1800000',
    sentence: 'Milliseconds after which the build of a delta is stopped.',
    parse: integer(1_000, 86_400_000),
  }),
  patchProfile: setting({
    flag: '--patch-profile',
    variable: 'REMENDO_PATCH_PROFILE',
    argument: 'compact|fast',
    default: 'compact',
    sentence: 'Profile of new patches: compact has the fewest bytes, fast is applied in less time.',
    parse: oneOf('compact', 'fast'),
  }),
  uploadBytesMax: setting({
    flag: '--upload-bytes-max',
    variable: 'REMENDO_UPLOAD_BYTES_MAX',
    argument: 'BYTES',
    default: '4294967296',
    sentence: 'Largest zip that may be published, in bytes.',
    parse: integer(1, Number.MAX_SAFE_INTEGER),
  }),
  uploadMsMax: setting({
    flag: '--upload-ms-max',
    variable: 'REMENDO_UPLOAD_MS_MAX',
    argument: 'MS',
    default: '3600000',
    sentence: 'Milliseconds within which a request has to have arrived whole.',
    parse: integer(1_000, 86_400_000),
  }),
  defaultApplication: setting({
    flag: '--default-application',
    variable: 'REMENDO_DEFAULT_APPLICATION',
    argument: 'SLUG',
    default: '',
    sentence: 'Application of requests that name none; empty: the first that was published.',
    parse: (value: string): string | null => (value === '' ? null : value),
  }),
  oldApi: setting({
    flag: '--old-api',
    variable: 'REMENDO_OLD_API',
    argument: 'on|off',
    default: 'on',
    sentence: 'Whether /check_update, /download and /upload_update are answered.',
    parse: oneOf('on', 'off'),
  }),
  databaseUrl: secret({
    variable: 'REMENDO_DATABASE_URL',
    sentence:
      'PostgreSQL to work on (postgres://user:password@host/name), which any number of servers may share; none: the embedded database in the data folder.',
    parse: (value: string): string => {
      if (!/^postgres(ql)?:\/\/./.test(value)) throw new Error('must begin with postgres://');
      return value;
    },
  }),
  objectStore: setting({
    flag: '--object-store',
    variable: 'REMENDO_OBJECT_STORE',
    argument: 'disk|s3',
    default: 'disk',
    sentence: 'Where objects lie: in the data folder, or in a bucket. Servers that share a database share a bucket.',
    parse: oneOf('disk', 's3'),
  }),
  s3Bucket: setting({
    flag: '--s3-bucket',
    variable: 'REMENDO_S3_BUCKET',
    argument: 'NAME',
    default: '',
    sentence: 'Bucket of the objects; its keys come from where AWS programs look for them (AWS_ACCESS_KEY_ID, a role, …).',
    parse: optional,
  }),
  s3Prefix: setting({
    flag: '--s3-prefix',
    variable: 'REMENDO_S3_PREFIX',
    argument: 'PREFIX',
    default: '',
    sentence: 'What every key in the bucket begins with.',
    parse: (value: string): string => value,
  }),
  s3Region: setting({
    flag: '--s3-region',
    variable: 'REMENDO_S3_REGION',
    argument: 'REGION',
    default: 'us-east-1',
    sentence: 'Region of the bucket.',
    parse: text,
  }),
  s3Endpoint: setting({
    flag: '--s3-endpoint',
    variable: 'REMENDO_S3_ENDPOINT',
    argument: 'URL',
    default: '',
    sentence: 'Address of an S3 server that is not AWS.',
    parse: optionalUrl,
  }),
  objectRedirects: setting({
    flag: '--object-redirects',
    variable: 'REMENDO_OBJECT_REDIRECTS',
    argument: 'on|off',
    default: 'on',
    sentence: 'Whether downloads from a bucket are redirected to addresses signed for five minutes, or go through this server.',
    parse: oneOf('on', 'off'),
  }),
  worker: setting({
    flag: '--worker',
    variable: 'REMENDO_WORKER',
    argument: 'on|off',
    default: 'on',
    sentence: 'Whether this process also does jobs: builds deltas, delivers notifications, watches and cleans up.',
    parse: oneOf('on', 'off'),
  }),
  deltaBudgetBytes: setting({
    flag: '--delta-budget-bytes',
    variable: 'REMENDO_DELTA_BUDGET_BYTES',
    argument: 'BYTES',
    default: '107374182400',
    sentence: 'Bytes that all deltas together may take in the object store; over it, those that the fewest terminals need go.',
    parse: integer(0, Number.MAX_SAFE_INTEGER),
  }),
  quickPatches: setting({
    flag: '--quick-patches',
    variable: 'REMENDO_QUICK_PATCHES',
    argument: 'on|off',
    default: 'on',
    sentence: 'Whether large deltas are first built with the fast profile, and again smaller when there is time.',
    parse: oneOf('on', 'off'),
  }),
  keyPassphrase: secret({
    variable: 'REMENDO_KEY_PASSPHRASE',
    sentence:
      "Passphrase of the keys that the server signs metadata with (at least 20 characters), the same for all servers of a database; without one, one is made and kept in the data folder's key-passphrase.",
    parse: (value: string): string => {
      if (value.length < tokenCharactersMin) throw new Error(`must have at least ${tokenCharactersMin} characters`);
      return value;
    },
  }),
  handOver: setting({
    flag: '--hand-over',
    variable: 'REMENDO_HAND_OVER',
    argument: 'on|off',
    default: 'off',
    sentence:
      "Whether the server's keys sign, beside an administrator's own, metadata that hands root, targets or applications over; on only while that is done.",
    parse: oneOf('on', 'off'),
  }),
  openpgpKeys: setting({
    flag: '--openpgp-keys',
    variable: 'REMENDO_OPENPGP_KEYS',
    argument: 'FILE',
    default: '',
    sentence: 'OpenPGP public keys: a zip is taken only with a signature by one of them; read again for every upload.',
    parse: optional,
  }),
  newApplicationAccess: setting({
    flag: '--new-application-access',
    variable: 'REMENDO_NEW_APPLICATION_ACCESS',
    argument: 'licensed|public',
    default: 'licensed',
    sentence: 'Who gets releases of an application that is published for the first time: customers with a licence, or everybody.',
    parse: oneOf('licensed', 'public'),
  }),
  oldApiLicensed: setting({
    flag: '--old-api-licensed',
    variable: 'REMENDO_OLD_API_LICENSED',
    argument: 'on|off',
    default: 'off',
    sentence: 'Whether the old addresses, which know no licence, also serve licensed applications: everybody can fetch them then.',
    parse: oneOf('on', 'off'),
  }),
  registration: setting({
    flag: '--registration',
    variable: 'REMENDO_REGISTRATION',
    argument: 'open|invite|closed',
    default: 'open',
    sentence: 'Who may register as a customer: everybody, who has an invitation, nobody.',
    parse: oneOf('open', 'invite', 'closed'),
  }),
  registrationLevelMax: setting({
    flag: '--registration-level-max',
    variable: 'REMENDO_REGISTRATION_LEVEL_MAX',
    argument: 'LEVEL',
    default: 'basic',
    sentence: 'Highest service level that open registration grants; an operator can raise it.',
    parse: oneOf('basic', 'professional', 'enterprise'),
  }),
  licenseGraceDays: setting({
    flag: '--license-grace-days',
    variable: 'REMENDO_LICENSE_GRACE_DAYS',
    argument: 'DAYS',
    default: '14',
    sentence: 'Days after the end of a licence during which updates can still be downloaded.',
    parse: integer(0, 3_650),
  }),
  trustProxy: setting({
    flag: '--trust-proxy',
    variable: 'REMENDO_TRUST_PROXY',
    argument: 'CIDR,…',
    default: '',
    sentence: "Proxies whose X-Forwarded-For is believed; empty: none, the address is the connection's.",
    parse: (value: string): readonly string[] => parseAddressBlocks(value.split(',').filter((block) => block !== '')),
  }),
  tlsCertificate: setting({
    flag: '--tls-certificate',
    variable: 'REMENDO_TLS_CERTIFICATE',
    argument: 'FILE',
    default: '',
    sentence: 'Certificate chain (PEM) to answer https with; read again when the process gets SIGHUP.',
    parse: optional,
  }),
  tlsKey: setting({
    flag: '--tls-key',
    variable: 'REMENDO_TLS_KEY',
    argument: 'FILE',
    default: '',
    sentence: 'Private key (PEM) of the certificate.',
    parse: optional,
  }),
  checksPerMinute: setting({
    flag: '--checks-per-minute',
    variable: 'REMENDO_CHECKS_PER_MINUTE',
    argument: 'N',
    default: '10',
    sentence: 'Checks, and beginnings of downloads, that one terminal of a customer may make in a minute.',
    parse: integer(1, 1_000_000),
  }),
  requestsPerMinute: setting({
    flag: '--requests-per-minute',
    variable: 'REMENDO_REQUESTS_PER_MINUTE',
    argument: 'N',
    default: '600',
    sentence: 'Requests that one address may make in a minute.',
    parse: integer(1, 1_000_000),
  }),
  signInsPerMinute: setting({
    flag: '--sign-ins-per-minute',
    variable: 'REMENDO_SIGN_INS_PER_MINUTE',
    argument: 'N',
    default: '20',
    sentence: 'Registrations and failed sign-ins that one address may make in a minute.',
    parse: integer(1, 1_000_000),
  }),
  eventBytesPerDay: setting({
    flag: '--event-bytes-per-day',
    variable: 'REMENDO_EVENT_BYTES_PER_DAY',
    argument: 'BYTES',
    default: '4194304',
    sentence: "Bytes of update events that one terminal, one customer's key or one address of strangers may have stored in a day.",
    parse: integer(1_000, 1_000_000_000),
  }),
  backupBytesPerDay: setting({
    flag: '--backup-bytes-per-day',
    variable: 'REMENDO_BACKUP_BYTES_PER_DAY',
    argument: 'BYTES',
    default: '8388608',
    sentence: "Bytes of backup reports that one terminal or one customer's key may have stored in a day.",
    parse: integer(1_000, 1_000_000_000),
  }),
  metricsAccess: setting({
    flag: '--metrics-access',
    variable: 'REMENDO_METRICS_ACCESS',
    argument: 'operators|open|off',
    default: 'operators',
    sentence: "Who may read /metrics: whoever has an operator's token, everybody, nobody.",
    parse: oneOf('operators', 'open', 'off'),
  }),
  embeddedMetrics: setting({
    flag: '--embedded-metrics',
    variable: 'REMENDO_EMBEDDED_METRICS',
    argument: 'on|off',
    default: 'off',
    sentence: "Whether metrics are written to the standard output once a minute in CloudWatch's Embedded Metric Format.",
    parse: oneOf('on', 'off'),
  }),
  smtpUrl: secret({
    variable: 'REMENDO_SMTP_URL',
    sentence: 'Mail server (smtp://user:password@host:587); none: no mail is sent.',
    parse: (value: string): string => {
      if (!/^smtps?:\/\/./.test(value)) throw new Error('must begin with smtp:// or smtps://');
      return value;
    },
  }),
  mailFrom: setting({
    flag: '--mail-from',
    variable: 'REMENDO_MAIL_FROM',
    argument: 'ADDRESS',
    default: 'remendo@localhost',
    sentence: 'Whom mails come from.',
    parse: text,
  }),
  operatorMail: setting({
    flag: '--operator-mail',
    variable: 'REMENDO_OPERATOR_MAIL',
    argument: 'ADDRESS,…',
    default: '',
    sentence: 'Who is told by mail of halted rollouts, failing backups and silent terminals.',
    parse: (value: string): readonly string[] =>
      value
        .split(',')
        .map((part) => part.trim())
        .filter((part) => part !== ''),
  }),
  customerMailsPerDay: setting({
    flag: '--customer-mails-per-day',
    variable: 'REMENDO_CUSTOMER_MAILS_PER_DAY',
    argument: 'N',
    default: '20',
    sentence: 'Mails that one customer gets in a day; the last says that the rest is in the inbox.',
    parse: integer(1, 100_000),
  }),
  operatorMailsPerHour: setting({
    flag: '--operator-mails-per-hour',
    variable: 'REMENDO_OPERATOR_MAILS_PER_HOUR',
    argument: 'N',
    default: '20',
    sentence: 'Notifications that operators get as mails of their own in an hour; the rest is counted in one.',
    parse: integer(1, 100_000),
  }),
  confirmationMailsPerDay: setting({
    flag: '--confirmation-mails-per-day',
    variable: 'REMENDO_CONFIRMATION_MAILS_PER_DAY',
    argument: 'N',
    default: '200',
    sentence: 'Mails in a day, to all addresses together, that ask whether an address is the one of who registered.',
    parse: integer(0, 100_000),
  }),
  sheetsKey: secret({
    variable: 'REMENDO_SHEETS_KEY',
    sentence: 'Key of a Google service account (its JSON) that may write to the sheet.',
    parse: text,
  }),
  sheetId: setting({
    flag: '--sheet-id',
    variable: 'REMENDO_SHEET_ID',
    argument: 'ID',
    default: '',
    sentence: 'Google Sheet to which results of backups and notifications are appended.',
    parse: optional,
  }),
  privateWebhooks: setting({
    flag: '--private-webhooks',
    variable: 'REMENDO_PRIVATE_WEBHOOKS',
    argument: 'allowed|refused',
    default: 'refused',
    sentence: 'Whether webhooks may go to addresses of private networks and of this machine.',
    parse: oneOf('allowed', 'refused'),
  }),
  silentHours: setting({
    flag: '--silent-hours',
    variable: 'REMENDO_SILENT_HOURS',
    argument: 'HOURS',
    default: '72',
    sentence: 'Hours without a check after which an enrolled terminal counts as silent; 0: never.',
    parse: integer(0, 87_600),
  }),
  historyDays: setting({
    flag: '--history-days',
    variable: 'REMENDO_HISTORY_DAYS',
    argument: 'DAYS',
    default: '400',
    sentence: 'Days that the update history, backup results and read notifications are kept.',
    parse: integer(1, 36_500),
  }),
  shutdownMs: setting({
    flag: '--shutdown-ms',
    variable: 'REMENDO_SHUTDOWN_MS',
    argument: 'MS',
    default: '10000',
    sentence: 'Milliseconds that running downloads get to finish when the server is stopped.',
    parse: integer(0, 600_000),
  }),
  logLevel: setting({
    flag: '--log-level',
    variable: 'REMENDO_LOG_LEVEL',
    argument: 'LEVEL',
    default: 'info',
    sentence: 'Least level of the JSON lines on the error output.',
    parse: oneOf('trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'),
  }),
} as const;
