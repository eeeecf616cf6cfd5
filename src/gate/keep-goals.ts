import type { Scope } from '../github/scope.ts';
import { detectLanguage } from '../messages/detect-language.ts';
import { getAsk } from '../store/asks.ts';
import { getGoal, listGoalsForPull, patchGoal, putGoal } from '../store/goals.ts';
import type { Tx } from '../store/store.ts';
import type { GoalRow } from '../store/tables.ts';
import type { FoundGoal } from './next-pull.ts';
import type { ObservedPull } from './observe-pull.ts';

/** Brings the proposed goals of a PR in line with its head, which a person may have pushed. */
export async function keepGoals(tx: Tx, scope: Scope, seen: ObservedPull): Promise<void> {
  const here = new Set(seen.found.goals.map(({ goal }) => goal?.id));
  for (const row of await listGoalsForPull(tx, scope.repo.id, seen.pull.number)) {
    if (row.state === 'proposed' && !here.has(row.id))
      await patchGoal(tx, scope.repo.id, row.id, { state: 'rejected', updated_at: scope.now() });
  }
  for (const found of seen.found.goals) {
    if (found.findings.every(({ severity }) => severity !== 'failure'))
      await keepGoal(tx, scope, seen, found);
  }
}

const languageOf = ({ settings }: Scope, text: string) =>
  settings.language === 'auto' ? detectLanguage(text) : settings.language;

/** The row of a goal file on a PR's head, made or brought up to date while it is only proposed. */
export async function keepGoal(tx: Tx, scope: Scope, seen: ObservedPull, found: FoundGoal): Promise<void> {
  const { goal } = found;
  if (!goal) return;
  const row = await getGoal(tx, scope.repo.id, goal.id);
  if (row && row.state !== 'proposed' && row.state !== 'rejected') return;
  const ask = seen.askKey ? await getAsk(tx, seen.askKey) : undefined;
  const now = scope.now();
  const columns: GoalRow = {
    repo_id: scope.repo.id,
    id: goal.id,
    state: 'proposed',
    job_id: null,
    file: found.text,
    blob_sha: found.blobSha,
    pr_number: seen.pull.number,
    ask_key: ask?.key ?? null,
    thread: ask?.thread ?? seen.pull.number,
    language: ask?.language ?? languageOf(scope, goal.goal),
    approval: null,
    data: JSON.stringify({ steps: [] }),
    created_at: row?.created_at ?? now,
    updated_at: now,
  };
  await putGoal(tx, columns);
}
