import type { Client } from 'pg';
import { StoreUnavailableError } from './errors.ts';
import type { Writer } from './group-commit.ts';
import { kyselyOver } from './postgres-kysely.ts';
import { NEWS_CHANNEL, NEWS_KEPT } from './postgres-news.ts';

/** The advisory lock of whoever writes: `ggru` in ASCII. */
const WRITE_LOCK = 0x67677275;
/** How long an app that stops in the middle of a write can keep all others from writing. */
const IDLE_MS = 5_000;

/**
 * The one connection of this process that writes. A lock makes writes of all processes follow one another,
 * as on SQLite (docs/decisions has why). It connects again at the first write after its connection was lost.
 */
export function postgresWriter(
  connect: () => Promise<Client>,
  me: string,
): Writer & { close(): Promise<void> } {
  let client: Client | undefined;

  async function connected(): Promise<Client> {
    if (client) return client;
    const opened = await connect();
    const forget = () => {
      if (client === opened) client = undefined;
    };
    opened.on('error', forget);
    opened.on('end', forget);
    client = opened;
    return opened;
  }

  function current(): Client {
    if (client) return client;
    throw new StoreUnavailableError('The connection to the database was lost.');
  }

  /** Ends the connection: the server then takes back what is open on it. */
  async function discard(): Promise<void> {
    const broken = client;
    client = undefined;
    await broken?.end().catch(() => {});
  }

  return {
    tx: kyselyOver(async () => ({ client: current, release() {} })),
    async begin() {
      const limit = `set local idle_in_transaction_session_timeout = ${IDLE_MS}`;
      await (await connected()).query(`begin; ${limit}; select pg_advisory_xact_lock(${WRITE_LOCK})`);
    },
    async commit(topics) {
      const tell = topics.size > 0 ? newsStatements(current(), me, topics) : '';
      const results: unknown = await current().query(`${tell}commit`);
      const last: unknown = Array.isArray(results) ? results.at(-1) : results;
      // Postgres answers ROLLBACK, and no error, when a statement before had failed.
      if ((last as { command?: string }).command !== 'COMMIT')
        throw new StoreUnavailableError('The database took a write back: a statement in it had failed.');
    },
    async rollback() {
      // By what failed nobody knows how the connection stands, nor whether its end would be answered.
      void discard();
    },
    async savepoint(step) {
      const statements = {
        set: 'savepoint one',
        release: 'release savepoint one',
        rollback: 'rollback to savepoint one; release savepoint one',
      };
      await current().query(statements[step]);
    },
    inTransaction: () => client !== undefined,
    close: discard,
  };
}

/** Ids follow one another without a gap, since one writes at a time: so the oldest is known without a search. */
function newsStatements(client: Client, me: string, topics: ReadonlySet<string>): string {
  const values = [me, JSON.stringify([...topics])].map((value) => client.escapeLiteral(value)).join(', ');
  return `
    with mine as (
      insert into news (id, sender, topics, at)
      select coalesce(max(id), 0) + 1, ${values}, extract(epoch from clock_timestamp()) * 1000 from news returning id)
    delete from news where id <= (select id from mine) - ${NEWS_KEPT};
    notify ${NEWS_CHANNEL};`;
}
