import { createHash } from 'node:crypto';
import type { Reader, Tx } from './announce.ts';
import type { PublishedRow } from './tables.ts';

export function getPublished(db: Reader, key: string): Promise<PublishedRow | undefined> {
  return db.selectFrom('published').selectAll().where('key', '=', key).executeTakeFirst();
}

export async function putPublished(tx: Tx, row: PublishedRow): Promise<void> {
  const { key: _, ...changes } = row;
  await tx
    .insertInto('published')
    .values(row)
    .onConflict((conflict) => conflict.column('key').doUpdateSet(changes))
    .execute();
}

/** Something may stand on GitHub under this key, written by a database that was lost: it is looked for first. */
export async function intend(tx: Tx, key: string): Promise<void> {
  await tx
    .insertInto('published')
    .values({ key, github_id: 0, digest: '', updated_at: 0 })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

/** For what was deleted on GitHub: the next write makes it anew. */
export async function deletePublished(tx: Tx, key: string): Promise<void> {
  await tx.deleteFrom('published').where('key', '=', key).execute();
}

/** What `digest` holds for a content: its sha256 in hex. */
export function contentDigest(content: string): string {
  return createHash('sha256').update(content).digest('hex');
}
