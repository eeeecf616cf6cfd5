import {
  type ColumnDataType,
  type CreateIndexBuilder,
  type CreateTableBuilder,
  type Kysely,
  sql,
} from 'kysely';
import { StoreVersionError } from './errors.ts';
import type { Tables } from './tables.ts';

type Schema = Kysely<Tables>['schema'];

/**
 * Forward only; the version of a database is the number of migrations it has had. Never edit one that was
 * released. One migration serves both databases, inside the one write that brings a database up to date:
 *
 * - Only Kysely's schema builder, `createTable` and `createIndex` below; no dialect's own SQL.
 * - Columns are `text` (Postgres: collated by bytes, as in SQLite), `bigint` (a safe integer: id, time in ms,
 *   flag 0 or 1) or `bytes`; JSON is text. A new column of a table with rows has a default or may be null.
 * - Queries stay within what both understand: no `rowid`, `glob`, `json_…` or `insert or …`; say
 *   `nulls first` or `last` where a sorted column may be null; see "Same on both" in backend.ts.
 */
const MIGRATIONS: ((schema: Schema) => Promise<void>)[] = [
  createTables,
  addScans,
  addNews,
  addAudit,
  addPolicy,
  addReadings,
  addSchedules,
  addGoals,
];

/**
 * Brings the database to this program's version, as one write; compares only where `mayMigrate` says no to
 * the version it has (0 when it is empty).
 * @throws StoreVersionError when it is newer than the program, or older and not to be migrated
 */
export async function migrate(
  tx: Kysely<Tables>,
  now: number,
  mayMigrate: (version: number) => boolean = () => true,
): Promise<void> {
  const from = await readVersion(tx);
  refuseNewer(from);
  if (from === MIGRATIONS.length) return;
  if (!mayMigrate(from)) {
    throw new StoreVersionError(
      `The running app has an older database (version ${from}, this program needs ${MIGRATIONS.length}). Restart the app with this version first.`,
    );
  }
  for (const migration of MIGRATIONS.slice(from)) await migration(tx.schema);
  await tx
    .insertInto('counters')
    .values({ name: 'schema', value: MIGRATIONS.length })
    .onConflict((oc) => oc.column('name').doUpdateSet({ value: MIGRATIONS.length }))
    .execute();
  // Fences begin at the second the database was made: after its loss none is handed out twice.
  await tx
    .insertInto('counters')
    .values({ name: 'fence', value: Math.floor(now / 1000) })
    .onConflict((oc) => oc.doNothing())
    .execute();
}

function refuseNewer(version: number): void {
  if (version <= MIGRATIONS.length) return;
  throw new StoreVersionError(
    `The database has version ${version}, this program knows up to ${MIGRATIONS.length}. Run the newer guruguru that wrote it, or move the data directory away (the repository keeps every approved job and result).`,
  );
}

async function readVersion(db: Kysely<Tables>): Promise<number> {
  await db.schema
    .createTable('counters')
    .ifNotExists()
    .addColumn('name', 'text', (column) => column.primaryKey())
    .addColumn('value', 'bigint', (column) => column.notNull())
    .execute();
  const row = await db.selectFrom('counters').select('value').where('name', '=', 'schema').executeTakeFirst();
  return row?.value ?? 0;
}

type TypeName<V> = V extends string ? 'text' : V extends number ? 'bigint' : 'bytes';

/** A column's type, with `?` after it when it may be null: what the field of the row type says. */
type ColumnSpec<V> = null extends V ? `${TypeName<Exclude<V, null>>}?` : TypeName<V>;

async function createTables(schema: Schema): Promise<void> {
  await createTable(schema, 'repositories', ['id'], {
    id: 'bigint',
    owner: 'text',
    name: 'text',
    installation_id: 'bigint',
    default_branch: 'text',
    state: 'text',
    settings_text: 'text?',
    settings_read_at: 'bigint',
    updated_at: 'bigint',
  });
  await createTable(schema, 'asks', ['key'], {
    key: 'text',
    repo_id: 'bigint',
    thread: 'bigint',
    source: 'text',
    source_id: 'bigint',
    on_pull: 'bigint',
    login: 'text',
    text: 'text',
    edited: 'bigint',
    language: 'text',
    state: 'text',
    reason: 'text?',
    revision: 'bigint',
    job_id: 'text?',
    pr_number: 'bigint?',
    data: 'text',
    created_at: 'bigint',
    updated_at: 'bigint',
  });
  await createTable(schema, 'commands', ['key'], {
    key: 'text',
    repo_id: 'bigint',
    thread: 'bigint',
    on_pull: 'bigint',
    name: 'text',
    args: 'text',
    login: 'text',
    source: 'text',
    source_id: 'bigint',
    language: 'text',
    written_at: 'bigint',
    state: 'text',
    reply: 'text?',
    created_at: 'bigint',
  });
  await createTable(schema, 'plans', ['ask_key', 'revision'], {
    ask_key: 'text',
    revision: 'bigint',
    kind: 'text',
    body: 'text',
    prompt_digest: 'text',
    model: 'text',
    input_tokens: 'bigint',
    output_tokens: 'bigint',
    created_at: 'bigint',
  });
  await createTable(schema, 'pulls', ['repo_id', 'number'], {
    repo_id: 'bigint',
    number: 'bigint',
    ask_key: 'text?',
    data: 'text',
    updated_at: 'bigint',
  });
  await createTable(schema, 'jobs', ['repo_id', 'id'], {
    repo_id: 'bigint',
    id: 'text',
    state: 'text',
    reason: 'text',
    file: 'text',
    digest: 'text',
    blob_sha: 'text',
    head_sha: 'text?',
    pr_number: 'bigint?',
    ask_key: 'text?',
    approval: 'text?',
    runs_on: 'text',
    requires: 'text',
    touches: 'text',
    effect: 'text',
    concurrency: 'text?',
    idempotent: 'bigint',
    attempt: 'bigint',
    lease_losses: 'bigint',
    verdict: 'text?',
    report_sha: 'text?',
    queued_at: 'bigint?',
    created_at: 'bigint',
    updated_at: 'bigint',
  });
  await createTable(schema, 'runs', ['id'], {
    id: 'text',
    repo_id: 'bigint',
    job_id: 'text',
    attempt: 'bigint',
    state: 'text',
    fence: 'bigint',
    runner: 'text',
    process: 'text',
    lease_expires_at: 'bigint',
    seen_at: 'bigint',
    started_at: 'bigint?',
    finished_at: 'bigint?',
    cancelled_by: 'text?',
    result: 'text?',
    log_bytes: 'bigint',
  });
  await createTable(schema, 'log_chunks', ['run_id', 'offset'], {
    run_id: 'text',
    offset: 'bigint',
    bytes: 'bytes',
  });
  await createTable(schema, 'runners', ['token_id', 'name', 'process'], {
    token_id: 'text',
    name: 'text',
    process: 'text',
    labels: 'text',
    capabilities: 'text',
    version: 'text',
    run_id: 'text?',
    draining: 'bigint',
    seen_at: 'bigint',
  });
  await createTable(schema, 'tokens', ['id'], {
    id: 'text',
    name: 'text',
    hash: 'text',
    repositories: 'text',
    created_at: 'bigint',
    revoked_at: 'bigint?',
  });
  await createTable(schema, 'published', ['key'], {
    key: 'text',
    github_id: 'bigint',
    digest: 'text',
    updated_at: 'bigint',
  });
  await createTable(schema, 'model_calls', ['id'], {
    id: 'text',
    ask_key: 'text',
    model: 'text',
    input_tokens: 'bigint',
    output_tokens: 'bigint',
    outcome: 'text',
    at: 'bigint',
  });
  await createTable(schema, 'work', ['key'], {
    key: 'text',
    due_at: 'bigint',
    generation: 'bigint',
    attempts: 'bigint',
    owner: 'text?',
    fence: 'bigint',
    expires_at: 'bigint?',
    last_error: 'text?',
    stuck: 'bigint',
  });

  await createIndex(schema, 'work', ['stuck', 'due_at']);
  await createIndex(schema, 'asks', ['repo_id', 'thread']);
  await createIndex(schema, 'asks', ['repo_id', 'pr_number']);
  await createIndex(schema, 'jobs', ['repo_id', 'state', 'queued_at']);
  await createIndex(schema, 'jobs', ['repo_id', 'pr_number']);
  await createIndex(schema, 'jobs', ['ask_key']);
  await createIndex(schema, 'runs', ['state', 'lease_expires_at']);
  await createIndex(schema, 'runs', ['repo_id', 'job_id', 'fence']);
  await createIndex(schema, 'runners', ['seen_at']);
  await createIndex(schema, 'tokens', ['hash']);
  await createIndex(schema, 'model_calls', ['ask_key']);
  await createIndex(schema, 'commands', ['state', 'created_at']);
}

async function addScans(schema: Schema): Promise<void> {
  await createTable(schema, 'scans', ['repo_id'], {
    repo_id: 'bigint',
    since: 'bigint',
    head: 'text?',
    updated_at: 'bigint',
  });
}

async function addNews(schema: Schema): Promise<void> {
  await createTable(schema, 'news', ['id'], { id: 'bigint', sender: 'text', topics: 'text', at: 'bigint' });
}

async function addAudit(schema: Schema): Promise<void> {
  await createTable(schema, 'audit', ['id'], {
    id: 'text',
    at: 'bigint',
    what: 'text',
    who: 'text',
    subject: 'text',
    repo_id: 'bigint?',
    detail: 'text',
  });
  await createIndex(schema, 'audit', ['at']);
}

async function addPolicy(schema: Schema): Promise<void> {
  await createTable(schema, 'usage', ['repo_id', 'day', 'login'], {
    repo_id: 'bigint',
    day: 'text',
    login: 'text',
    asks: 'bigint',
  });
  await createTable(schema, 'pauses', ['repo_id', 'source'], {
    repo_id: 'bigint',
    source: 'text',
    login: 'text?',
    at: 'bigint',
  });
  await createIndex(schema, 'model_calls', ['at']);
}

async function addReadings(schema: Schema): Promise<void> {
  await createTable(schema, 'readings', ['key'], {
    key: 'text',
    path: 'text',
    base: 'text',
    blob: 'text',
    body: 'text',
    model: 'text',
    at: 'bigint',
  });
}

async function addSchedules(schema: Schema): Promise<void> {
  await createTable(schema, 'schedules', ['repo_id', 'name'], {
    repo_id: 'bigint',
    name: 'text',
    state: 'text',
    file: 'text',
    digest: 'text',
    blob_sha: 'text',
    pr_number: 'bigint?',
    approval: 'text',
    since: 'bigint',
    health: 'text',
    created_at: 'bigint',
    updated_at: 'bigint',
  });
  await createTable(schema, 'ticks', ['repo_id', 'id'], {
    repo_id: 'bigint',
    id: 'text',
    schedule: 'text',
    at: 'bigint',
    state: 'text',
    late: 'bigint',
    missed: 'bigint',
    blob_sha: 'text',
    pr_number: 'bigint?',
    entry: 'text?',
    counted: 'bigint',
    flipped: 'bigint',
    recorded: 'bigint',
    made_at: 'bigint',
  });
  await createIndex(schema, 'ticks', ['repo_id', 'schedule', 'at']);
  await createIndex(schema, 'ticks', ['repo_id', 'schedule', 'recorded']);
}

async function addGoals(schema: Schema): Promise<void> {
  await createTable(schema, 'goals', ['repo_id', 'id'], {
    repo_id: 'bigint',
    id: 'text',
    state: 'text',
    job_id: 'text?',
    file: 'text',
    blob_sha: 'text',
    pr_number: 'bigint',
    ask_key: 'text?',
    thread: 'bigint',
    language: 'text',
    approval: 'text?',
    data: 'text',
    created_at: 'bigint',
    updated_at: 'bigint',
  });
  await createIndex(schema, 'goals', ['repo_id', 'state']);
}

async function createTable<T extends keyof Tables>(
  schema: Schema,
  table: T,
  primaryKey: (keyof Tables[T] & string)[],
  columns: { [C in keyof Tables[T] & string]: ColumnSpec<Tables[T][C]> },
): Promise<void> {
  let builder: CreateTableBuilder<string, string> = schema.createTable(table);
  for (const [name, spec] of Object.entries<string>(columns)) {
    builder = builder.addColumn(name, columnType(spec), (column) =>
      spec.endsWith('?') ? column : column.notNull(),
    );
  }
  await builder.addPrimaryKeyConstraint(`${table}_key`, primaryKey).execute();
}

async function createIndex<T extends keyof Tables>(
  schema: Schema,
  table: T,
  columns: (keyof Tables[T] & string)[],
): Promise<void> {
  const index: CreateIndexBuilder = schema.createIndex(`${table}_by_${columns.join('_')}`).on(table);
  await index.columns(columns.map((column) => sql.ref(column))).execute();
}

function columnType(spec: string): ColumnDataType {
  if (spec === 'bytes') return 'blob';
  return spec.startsWith('text') ? 'text' : 'bigint';
}
