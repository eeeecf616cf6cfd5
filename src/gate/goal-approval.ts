import type { Scope } from '../github/scope.ts';
import type { Pull } from '../github/types.ts';
import { envelopeFindings } from '../job/goal-envelope.ts';
import { parseGoal } from '../job/parse-goal.ts';
import { parseJob } from '../job/parse-job.ts';
import { policyFindings } from '../job/policy.ts';
import { goalOfJob } from '../store/goals.ts';
import { listJobsForPull } from '../store/jobs.ts';
import { type Approval, goalData, type PullData } from '../store/row-data.ts';

/**
 * Whoever approved a goal approved its jobs: our own commit of the goal's current job, inside the envelope,
 * with nothing in it that the policy denies or warns of. Whether that person may still approve is asked anew.
 */
export async function goalApproval(
  scope: Scope,
  { pull, data }: { pull: Pull; data: PullData },
  mayApprove: (scope: Scope, login: string) => Promise<boolean>,
): Promise<Approval | null> {
  if (data.ownSha !== pull.headSha) return null;
  // A merge by hand is somebody's own yes, or nobody's.
  if (pull.merged && !(data.approval?.how === 'goal' && data.approval.sha === pull.headSha)) return null;
  const [row, ...more] = (await listJobsForPull(scope.store.db, scope.repo.id, pull.number)).filter(
    ({ state }) => state !== 'superseded',
  );
  if (!row || more.length > 0 || row.head_sha !== pull.headSha || row.reason !== 'planned') return null;
  const goal = await goalOfJob(scope.store.db, scope.repo.id, row.id);
  if (!goal?.approval || !(goal.state === 'running' || goal.state === 'waiting')) return null;
  if (goalData(goal).cancelledBy) return null;
  const path = `jobs/queue/${row.id}.json`;
  const envelope = parseGoal(goal.file, { path: `jobs/goals/${goal.id}.json` });
  const job = parseJob(row.file, { path });
  if (!envelope.ok || !job.ok) return null;
  if (envelopeFindings(envelope.goal, job.job).length > 0) return null;
  if (policyFindings(job.job, job.text, path, scope.settings).length > 0) return null;
  const { login } = JSON.parse(goal.approval) as Approval;
  return (await mayApprove(scope, login)) ? { login, how: 'goal', sha: pull.headSha } : null;
}
