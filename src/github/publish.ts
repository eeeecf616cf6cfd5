import { contentDigest, getPublished, putPublished } from '../store/published.ts';
import type { Store } from '../store/store.ts';
import type { Scope } from './scope.ts';
import type { EnsureCheckRun } from './types.ts';

/**
 * Writes go through an intent: a row without an id says that a write may have landed before a crash, so
 * only then GitHub is searched. An equal content is not sent again.
 */
async function publish(
  store: Store,
  key: string,
  content: string,
  write: (known: { id: number | undefined; search: boolean }) => Promise<{ id: number }>,
): Promise<number> {
  const digest = contentDigest(content);
  const row = await getPublished(store.db, key);
  if (row && row.github_id > 0 && row.digest === digest) return row.github_id;
  if (!row)
    await store.write((tx) => putPublished(tx, { key, github_id: 0, digest: '', updated_at: store.now() }));
  const { id } = await write({
    id: row && row.github_id > 0 ? row.github_id : undefined,
    search: row?.github_id === 0,
  });
  await store.write((tx) => putPublished(tx, { key, github_id: id, digest, updated_at: store.now() }));
  return id;
}

/** One comment per key, edited when its body changes. Resolves to its id. */
export function publishComment(
  scope: Pick<Scope, 'store' | 'client' | 'signal'>,
  comment: { issue: number; key: string; body: string },
): Promise<number> {
  return publish(scope.store, comment.key, comment.body, (known) =>
    scope.client.ensureComment({ ...comment, knownId: known.id, search: known.search }, scope.signal),
  );
}

/** One check run per key. Resolves to its id. */
export function publishCheck(
  scope: Pick<Scope, 'store' | 'client' | 'signal'>,
  check: Omit<EnsureCheckRun, 'knownId' | 'search'> & { key: string },
): Promise<number> {
  const { key, ...content } = check;
  return publish(scope.store, key, JSON.stringify(content), (known) =>
    scope.client.ensureCheckRun({ ...content, knownId: known.id, search: known.search }, scope.signal),
  );
}

/** Whether a key's content as given is what GitHub shows already. */
export async function isPublished(store: Store, key: string, content: string): Promise<boolean> {
  const row = await getPublished(store.db, key);
  return row !== undefined && row.github_id > 0 && row.digest === contentDigest(content);
}
