import { z } from 'zod'

const LOOPBACK = /^(127(\.\d{1,3}){3}|::1|localhost)$/
/** web: desk and interface; road: the door for other nodes and the links; jobs: timers. */
const ROLES = ['web', 'road', 'jobs'] as const
export type Role = (typeof ROLES)[number]
export const ALL_ROLES: readonly Role[] = ROLES

/** The environment, read in this one place. Every switch from one machine to several is here and nowhere else. */
const environment = z.object({
  /** This node's id in the directory, for instance `js-nj` . */
  POSTROAD_NODE: z.string().regex(/^[a-z0-9][a-z0-9.-]{0,62}$/),
  /** Folder of everything this node keeps: database, blobs, keys, logs. */
  POSTROAD_HOME: z.string(),
  /** Desk and its interface. Loopback only unless a TLS front end stands before it. */
  POSTROAD_DESK_PORT: z.coerce.number().int().default(8080),
  POSTROAD_DESK_HOST: z.string().default('127.0.0.1'),
  /** Origin that browsers see; passkeys are bound to it. */
  POSTROAD_DESK_ORIGIN: z.string().optional(),
  /** Mutual TLS between nodes. */
  POSTROAD_ROAD_PORT: z.coerce.number().int().default(8443),
  POSTROAD_ROAD_HOST: z.string().default('127.0.0.1'),
  /** Settings of links that are not plain https: carried by bundle, labels, release, scan (platform/road/bundle/settings.ts). Read at every start. */
  POSTROAD_LINKS: z.string().optional(),
  /** First-start settings: the node's place, organs, people. Read once. */
  POSTROAD_BOOTSTRAP: z.string().optional(),
  /** An external PostgreSQL (15 or later) instead of the embedded one: the application's role and, for migrations, the migrator's. Several servers (`h1:5432,h2:5432`): whichever is the primary. */
  DATABASE_URL: z.string().optional(),
  DATABASE_MIGRATOR_URL: z.string().optional(),
  /** `required`: every commit is to be on a second server too; an alarm rings while none is in sync. */
  POSTROAD_STANDBY: z.enum(['none', 'required']).default('none'),
  /** Prometheus scrapes here; without a port nothing listens. On another address than the loopback a token is needed (header `Authorization: Bearer …`). */
  POSTROAD_METRICS_PORT: z.coerce.number().int().optional(),
  POSTROAD_METRICS_HOST: z.string().default('127.0.0.1'),
  POSTROAD_METRICS_TOKEN: z.string().min(24).optional(),
  /** A collector that takes traces over OTLP/HTTP, for instance http://127.0.0.1:4318; without it none are made. The share of traces that are kept. */
  OTEL_EXPORTER_OTLP_ENDPOINT: z.url({ protocol: /^https?$/ }).optional(),
  OTEL_TRACES_SAMPLER_ARG: z.coerce.number().min(0).max(1).default(1),
  /** How many people it takes to let a new node in: `two`, whoever approves is another than who invited. */
  POSTROAD_ADMISSION: z.enum(['one', 'two']).default('one'),
  /** What this process does of the node's work: any of `web`, `road`, `jobs`; several processes share one database and one home. */
  POSTROAD_ROLES: z.string().default(ROLES.join(',')).transform((text) => text.split(',')).pipe(z.array(z.enum(ROLES)).min(1)),
  /** Where sealed bodies lie: `s3://bucket/prefix?endpoint=https://…&region=…`; none: a folder of the home. Credentials as S3's own tools take them. */
  POSTROAD_BLOBS: z.string().optional(),
  AWS_ACCESS_KEY_ID: z.string().optional(),
  AWS_SECRET_ACCESS_KEY: z.string().optional(),
  /** Socket of a key process that runs on another machine, forwarded to this one; none: the key process of this home. */
  POSTROAD_KEYS: z.string().optional(),
  /** For base backups and the archive of the log: a role with REPLICATION, directly to the server (not through PgBouncer). */
  DATABASE_REPLICATION_URL: z.string().optional(),
  /** Folder for backups: with it the node archives its log all the time and makes a base backup each night. Best on another machine's disk. */
  POSTROAD_BACKUP: z.string().optional(),
  /** Base backups that are kept at least, and for how many days. */
  POSTROAD_BACKUP_KEEP: z.coerce.number().int().min(1).default(7),
  POSTROAD_BACKUP_DAYS: z.coerce.number().int().min(1).default(14),
  POSTROAD_LOG: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']).default('info'),
}).refine(({ POSTROAD_METRICS_PORT: port, POSTROAD_METRICS_HOST: host, POSTROAD_METRICS_TOKEN: token }) => port === undefined || token !== undefined || LOOPBACK.test(host), {
  path: ['POSTROAD_METRICS_TOKEN'], message: 'needed where metrics are served to other machines',
})

/** An S3 bucket, or a part of one. `prefix` is empty or ends with a slash. */
export type BucketConfig = { readonly endpoint: string; readonly bucket: string; readonly prefix: string; readonly region: string; readonly accessKeyId: string; readonly secretAccessKey: string }

export type Config = {
  readonly node: string
  readonly home: string
  readonly desk: { readonly host: string; readonly port: number; readonly origin: string }
  readonly road: { readonly host: string; readonly port: number }
  readonly bootstrap: string | null
  readonly links: string | null
  readonly database: { readonly url: string; readonly migratorUrl: string; readonly replicationUrl: string | null; /** Of each commit. */ readonly standbyRequired: boolean } | null
  readonly metrics: { readonly host: string; readonly port: number; readonly token: string | null } | null
  readonly traces: { readonly endpoint: string; readonly ratio: number } | null
  readonly admission: { readonly twoPersons: boolean }
  /** Null: a folder of the home. */
  readonly blobs: BucketConfig | null
  readonly roles: readonly Role[]
  /** Socket of the key process; null: the one of this home. */
  readonly keys: string | null
  readonly backup: { readonly folder: string; readonly keep: { readonly count: number; readonly days: number } } | null
  readonly log: string
}

/** Parses the environment; a wrong value stops the start with its name. */
export function readConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const read = environment.parse(env)
  if (read.DATABASE_URL === undefined && read.POSTROAD_ROLES.length < ROLES.length) throw new Error('POSTROAD_ROLES: several processes of one node need DATABASE_URL; the embedded PostgreSQL belongs to one process')
  if (read.DATABASE_URL === undefined && read.POSTROAD_STANDBY === 'required') throw new Error('POSTROAD_STANDBY: a standby needs DATABASE_URL; the embedded PostgreSQL has none')
  return {
    node: read.POSTROAD_NODE,
    home: read.POSTROAD_HOME,
    desk: { host: read.POSTROAD_DESK_HOST, port: read.POSTROAD_DESK_PORT, origin: read.POSTROAD_DESK_ORIGIN ?? `http://localhost:${read.POSTROAD_DESK_PORT}` },
    road: { host: read.POSTROAD_ROAD_HOST, port: read.POSTROAD_ROAD_PORT },
    bootstrap: read.POSTROAD_BOOTSTRAP ?? null,
    links: read.POSTROAD_LINKS ?? null,
    database: read.DATABASE_URL === undefined ? null : { url: read.DATABASE_URL, migratorUrl: read.DATABASE_MIGRATOR_URL ?? read.DATABASE_URL, replicationUrl: read.DATABASE_REPLICATION_URL ?? null, standbyRequired: read.POSTROAD_STANDBY === 'required' },
    metrics: read.POSTROAD_METRICS_PORT === undefined ? null : { host: read.POSTROAD_METRICS_HOST, port: read.POSTROAD_METRICS_PORT, token: read.POSTROAD_METRICS_TOKEN ?? null },
    traces: read.OTEL_EXPORTER_OTLP_ENDPOINT === undefined ? null : { endpoint: read.OTEL_EXPORTER_OTLP_ENDPOINT, ratio: read.OTEL_TRACES_SAMPLER_ARG },
    admission: { twoPersons: read.POSTROAD_ADMISSION === 'two' },
    blobs: read.POSTROAD_BLOBS === undefined ? null : bucketOf(read.POSTROAD_BLOBS, read.AWS_ACCESS_KEY_ID, read.AWS_SECRET_ACCESS_KEY),
    roles: read.POSTROAD_ROLES,
    keys: read.POSTROAD_KEYS ?? null,
    backup: read.POSTROAD_BACKUP === undefined ? null : { folder: read.POSTROAD_BACKUP, keep: { count: read.POSTROAD_BACKUP_KEEP, days: read.POSTROAD_BACKUP_DAYS } },
    log: read.POSTROAD_LOG,
  }
}

function bucketOf(text: string, accessKeyId: string | undefined, secretAccessKey: string | undefined): BucketConfig {
  const url = URL.parse(text)
  const endpoint = URL.parse(url?.searchParams.get('endpoint') ?? '')
  if (url === null || url.protocol !== 's3:' || url.hostname === '' || endpoint === null) throw new Error('POSTROAD_BLOBS: write s3://bucket/prefix?endpoint=https://…')
  if (accessKeyId === undefined || secretAccessKey === undefined) throw new Error('POSTROAD_BLOBS needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY')
  const prefix = url.pathname.replace(/^\/+|\/+$/g, '')
  return { endpoint: endpoint.origin, bucket: url.hostname, prefix: prefix === '' ? '' : `${prefix}/`, region: url.searchParams.get('region') ?? 'us-east-1', accessKeyId, secretAccessKey }
}
