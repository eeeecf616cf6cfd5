import type { Reader, Tx } from './announce.ts';

/** Counts one more ask of a person on a day, unless `limit` are counted already. Resolves to whether it did. */
export async function takeAsk(
  tx: Tx,
  about: { repoId: number; day: string; login: string },
  limit: number,
): Promise<boolean> {
  const key = { repo_id: about.repoId, day: about.day, login: about.login.toLowerCase() };
  const row = await tx
    .selectFrom('usage')
    .select('asks')
    .where('repo_id', '=', key.repo_id)
    .where('day', '=', key.day)
    .where('login', '=', key.login)
    .executeTakeFirst();
  const asks = Number(row?.asks ?? 0);
  if (asks >= limit) return false;
  await tx
    .insertInto('usage')
    .values({ ...key, asks: 1 })
    .onConflict((conflict) => conflict.columns(['repo_id', 'day', 'login']).doUpdateSet({ asks: asks + 1 }))
    .execute();
  return true;
}

export interface ModelUsage {
  model: string;
  input: number;
  output: number;
  /** Calls that have not answered, or never will. */
  unanswered: number;
}

/** What the asks of a repository have used of each model since a time. */
export async function modelUsageSince(db: Reader, repoId: number, since: number): Promise<ModelUsage[]> {
  const rows = await db
    .selectFrom('model_calls')
    .select(['model', 'input_tokens', 'output_tokens', 'outcome'])
    .where('ask_key', 'like', `%:${repoId}:%`)
    .where('at', '>=', since)
    .execute();
  const byModel = new Map<string, ModelUsage>();
  for (const row of rows) {
    const sum = byModel.get(row.model) ?? { model: row.model, input: 0, output: 0, unanswered: 0 };
    byModel.set(row.model, {
      ...sum,
      input: sum.input + Number(row.input_tokens),
      output: sum.output + Number(row.output_tokens),
      unanswered: sum.unanswered + (row.outcome === 'unanswered' ? 1 : 0),
    });
  }
  return [...byModel.values()];
}
