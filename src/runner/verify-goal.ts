import type { Offer } from '../dispatch/protocol.ts';
import { envelopeFindings } from '../job/goal-envelope.ts';
import { parseGoal } from '../job/parse-goal.ts';
import { parseJob } from '../job/parse-job.ts';
import { policyFindings } from '../job/policy.ts';
import { DEFAULT_SETTINGS } from '../job/settings.ts';

/** What GitHub shows of who wanted a file that a PR brought. Times are milliseconds, GitHub's clock. */
export type Proof =
  | { ok: true; login: string; how: 'merge' | 'review'; mergedAt: number }
  | { ok: false; reason: 'not_merged' | 'not_brought' | 'no_person'; why: string; mergedAt: number };

export type GoalProof =
  | { ok: true; login: string; how: 'goal'; goal: string; most: number }
  | { ok: false; why: string };

/** How the runner looks at GitHub. */
interface Look {
  /** A file of the default branch; null = it is not there. */
  read: (path: string) => Promise<string | null>;
  prove: (number: number, path: string, text: string) => Promise<Proof>;
}

/**
 * Whether a job that nobody merged or approved by itself is one that people approved with its goal: the goal
 * file stands on the default branch byte for byte as a PR brought it that a person merged or approved, the job
 * was merged within the goal's time, and it is inside the envelope, by the runner's own judgement. null: it
 * says nothing of a goal. An app in other hands may write any job file; it gets none run but such.
 * @param mergedAt when the job's PR was merged
 */
export async function verifyGoal(
  offer: Pick<Offer, 'file' | 'job_id' | 'goal_pull'>,
  mergedAt: number,
  { read, prove }: Look,
): Promise<GoalProof | null> {
  const parsed = parseJob(offer.file, { path: `jobs/queue/${offer.job_id}.json` });
  if (!parsed.ok || parsed.job.goal === undefined) return null;
  const { job } = parsed;
  const path = `jobs/goals/${job.goal}.json`;
  const no = (why: string): GoalProof => ({ ok: false, why });
  const text = await read(path);
  if (text === null) return no(`${path} is not on the default branch: it was never approved, or taken back`);
  if (offer.goal_pull === undefined) return no(`no PR brought ${path}`);
  const proof = await prove(offer.goal_pull, path, text);
  if (!proof.ok) return no(`${proof.why}. Approve the PR of the goal by review, then /retry ${job.id}`);
  const goal = parseGoal(text, { path });
  if (!goal.ok) return no(`${path} is not a valid goal: ${goal.findings[0]?.message ?? ''}`);
  const { envelope } = goal.goal;
  // Not a number where GitHub says no time: then it is not within any.
  if (!(mergedAt >= proof.mergedAt && mergedAt <= proof.mergedAt + envelope.max_hours * 3_600_000))
    return no(`the time of the goal ${goal.goal.id} is over; approve the PR of this job by review`);
  const [outside] = [
    ...envelopeFindings(goal.goal, job),
    // The repository's own policy is the app's to ask; what is denied or warned of everywhere, nobody approved.
    ...policyFindings(job, parsed.text, path, DEFAULT_SETTINGS),
  ];
  if (outside) return no(`the job leaves the envelope of the goal ${goal.goal.id}: ${outside.message}`);
  return { ok: true, login: proof.login, how: 'goal', goal: goal.goal.id, most: envelope.max_jobs };
}
