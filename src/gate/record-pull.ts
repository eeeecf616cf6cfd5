import type { Scope } from '../github/scope.ts';
import { getPull, putPull } from '../store/pulls.ts';
import { type PullData, pullData, withData } from '../store/row-data.ts';
import type { Tx } from '../store/store.ts';

/** Changes some fields of a PR's data inside a transaction, making its row when there is none. */
export async function recordPull(
  tx: Tx,
  scope: Pick<Scope, 'repo' | 'now'>,
  number: number,
  patch: Partial<PullData>,
): Promise<void> {
  const row = await getPull(tx, scope.repo.id, number);
  await putPull(tx, {
    repo_id: scope.repo.id,
    number,
    ask_key: row?.ask_key ?? null,
    data: withData(pullData(row), patch),
    updated_at: scope.now(),
  });
}
