import type { Reader, Tx } from './announce.ts';
import { announce } from './announce.ts';
import { QUEUE_TOPIC } from './jobs.ts';
import { enqueue } from './work.ts';

/**
 * Whether our rows of a repository were compared with GitHub since this program started. Until then it is
 * held: nothing of it is admitted or leased, since the rows may be new or come from an old backup. Kept as
 * counters: `held:<repository>`, `surveys:<repository>` and `surveyed_at:<repository>`.
 */
const HELD = 'held:';
const SURVEYS = 'surveys:';
const SURVEYED_AT = 'surveyed_at:';

/** `at`: GitHub's clock when the last survey began, ms since the epoch. */
export interface Surveys {
  /** 0: this database never saw the repository before. */
  count: number;
  at: number;
}

/** Holds a repository and makes its survey due. */
export async function holdForSurvey(tx: Tx, repoId: number): Promise<void> {
  await put(tx, `${HELD}${repoId}`, 1);
  await enqueue(tx, `survey:${repoId}`);
}

export async function isHeld(db: Reader, repoId: number): Promise<boolean> {
  return (await get(db, `${HELD}${repoId}`)) !== undefined;
}

/** Ids of the repositories that wait for their survey. */
export async function listHeld(db: Reader): Promise<Set<number>> {
  const rows = await db
    .selectFrom('counters')
    .select('name')
    .where('name', '>=', HELD)
    .where('name', '<', `${HELD}\uffff`)
    .execute();
  return new Set(rows.map(({ name }) => Number(name.slice(HELD.length))));
}

export async function getSurveys(db: Reader, repoId: number): Promise<Surveys> {
  const [count, at] = await Promise.all([get(db, `${SURVEYS}${repoId}`), get(db, `${SURVEYED_AT}${repoId}`)]);
  return { count: count ?? 0, at: at ?? 0 };
}

/** The repository's rows stand as GitHub does: its queue is open. */
export async function endSurvey(tx: Tx, repoId: number, at: number): Promise<void> {
  const { count } = await getSurveys(tx, repoId);
  await put(tx, `${SURVEYS}${repoId}`, count + 1);
  await put(tx, `${SURVEYED_AT}${repoId}`, at);
  await tx.deleteFrom('counters').where('name', '=', `${HELD}${repoId}`).execute();
  announce(tx, QUEUE_TOPIC);
}

async function get(db: Reader, name: string): Promise<number | undefined> {
  const row = await db.selectFrom('counters').select('value').where('name', '=', name).executeTakeFirst();
  return row?.value;
}

async function put(tx: Tx, name: string, value: number): Promise<void> {
  await tx
    .insertInto('counters')
    .values({ name, value })
    .onConflict((conflict) => conflict.column('name').doUpdateSet({ value }))
    .execute();
}
