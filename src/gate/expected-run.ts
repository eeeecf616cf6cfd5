import type { Scope } from '../github/scope.ts';
import type { Job } from '../job/job.ts';
import { agentTokens } from '../job/ledger/entry.ts';
import { type ExpectedRun, expectRun } from '../job/ledger/estimate.ts';
import { parseJob } from '../job/parse-job.ts';
import { jobFacts, runEntry } from '../job/report-format.ts';
import { approvedPath } from '../job/tick-id.ts';
import { listJudgedTouching } from '../store/ledger-rows.ts';

/** Runs looked at for an estimate. */
const LOOK_BACK = 20;

/** What the runs of the same kind that touched the same took, as far as the database knows them. */
export async function expectedRun(scope: Scope, job: Job): Promise<ExpectedRun> {
  const touches = JSON.stringify(job.touches ?? []);
  const rows = await listJudgedTouching(scope.store.db, scope.repo.id, touches, LOOK_BACK);
  const before = rows.flatMap(({ id, file, verdict }) => {
    const parsed = parseJob(file, { path: approvedPath(id) });
    if (!parsed.ok || parsed.job.kind !== job.kind) return [];
    const run = runEntry.parse(JSON.parse(verdict ?? 'null'));
    if (run.duration_seconds === null) return [];
    const { model } = jobFacts(parsed.job);
    const agent = agentTokens(run.agent?.usage, model, scope.settings.modelPrices);
    return { seconds: run.duration_seconds, usd: agent?.usd ?? null };
  });
  return expectRun(job, before, scope.settings.costs.costs);
}
