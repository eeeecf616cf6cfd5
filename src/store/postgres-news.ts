import type { Client } from 'pg';
import type { Reader } from './announce.ts';

/**
 * What processes tell one another: each write with topics leaves a row in `news`, and a notification without
 * content says that there is one. The table is what counts, so a lost notification is only late.
 */
export const NEWS_CHANNEL = 'guruguru';
/** Rows kept; whoever sleeps longer than that looks at everything anyway. */
export const NEWS_KEPT = 10_000;
/** How often the table is read without a notification, in ms. */
const LOOK_MS = 1_000;

export interface HearOptions {
  connect: () => Promise<Client>;
  db: Reader;
  /** This process. */
  me: string;
  listener: (topics: ReadonlySet<string>) => void;
  /** Called before each look without a notification. */
  onLook?: () => Promise<void>;
}

/** Calls `listener` with what others announced from now on. Returns how to stop. */
export async function hearNews({
  connect,
  db,
  me,
  listener,
  onLook,
}: HearOptions): Promise<() => Promise<void>> {
  const newest = await db
    .selectFrom('news')
    .select((select) => select.fn.max('id').as('id'))
    .executeTakeFirst();
  let last = newest?.id ?? 0;
  let stopped = false;
  let looking: Promise<void> | undefined;
  let lookAgain = false;
  let ears: Client | undefined;
  let opening: Promise<void> | undefined;

  async function read(): Promise<void> {
    const rows = await db.selectFrom('news').selectAll().where('id', '>', last).orderBy('id').execute();
    last = rows.at(-1)?.id ?? last;
    const topics = new Set(
      rows.filter((row) => row.sender !== me).flatMap((row) => JSON.parse(row.topics) as string[]),
    );
    if (topics.size > 0 && !stopped) listener(topics);
  }

  function look(): void {
    lookAgain = true;
    looking ??= (async () => {
      while (lookAgain && !stopped) {
        lookAgain = false;
        // While the database is away there is nothing to hear; the next look reads what came meanwhile.
        await read().catch(() => {});
      }
    })().finally(() => {
      looking = undefined;
    });
  }

  async function listen(): Promise<void> {
    const client = await connect();
    const over = () => {
      if (ears === client) ears = undefined;
    };
    client.on('error', over);
    client.on('end', over);
    client.on('notification', look);
    try {
      await client.query(`listen ${NEWS_CHANNEL}`);
      ears = client;
    } finally {
      if (ears !== client) await client.end().catch(() => {});
    }
  }

  function keepListening(): void {
    if (ears || stopped) return;
    opening ??= listen()
      .catch(() => {})
      .finally(() => {
        opening = undefined;
      });
  }

  keepListening();
  await opening;
  const timer = setInterval(() => {
    keepListening();
    onLook?.().catch(() => {});
    look();
  }, LOOK_MS);
  return async () => {
    stopped = true;
    clearInterval(timer);
    await opening;
    await looking;
    await ears?.end().catch(() => {});
  };
}
