import type { Finding } from '../job/finding.ts';
import type { Goal } from '../job/goal.ts';
import type { Job } from '../job/job.ts';
import type { Schedule } from '../job/schedule/schedule.ts';
import type { Approval } from '../store/row-data.ts';

/** A job file found on a PR's head. */
export interface FoundJob {
  path: string;
  /** Blob on the head. */
  blobSha: string;
  text: string;
  /** null: the file is not valid; the findings say why. */
  job: Job | null;
  digest: string;
  findings: Finding[];
}

/** A schedule file that a PR adds, changes or takes away. */
export interface FoundSchedule {
  path: string;
  name: string;
  /** `removed`: it is not on the head any more; blob, text and schedule are empty. */
  change: 'added' | 'modified' | 'removed';
  /** Blob on the head. */
  blobSha: string;
  text: string;
  /** null: it was removed, or is not valid; then the findings say why. */
  schedule: Schedule | null;
  digest: string;
  findings: Finding[];
}

/** A goal file found on a PR's head. */
export interface FoundGoal extends Omit<FoundJob, 'job'> {
  /** null: the file is not valid; the findings say why. */
  goal: Goal | null;
}

/** What GitHub and our rows say of a PR that touches `jobs/**`. Times are milliseconds. */
export interface PullFacts {
  open: boolean;
  merged: boolean;
  draft: boolean;
  headSha: string;
  baseRef: string;
  defaultBranch: string;
  fromFork: boolean;
  jobs: FoundJob[];
  schedules: FoundSchedule[];
  goals: FoundGoal[];
  /** Other changes below `jobs/`, each of them refused. */
  misplaced: number;
  /** It gets a check: it changes `jobs/**`, or the settings want one on every PR, as a required check needs. */
  judged: boolean;
  /** Head whose `guruguru / validate` check was published, null = none. */
  checkedSha: string | null;
  /** Who may approve and did so for exactly this head; the asker's own fence counts. */
  approval: Approval | null;
  /** Merge was tried on this head and refused by GitHub for this reason; null once it is worth another try. */
  blocked: { sha: string; message: string; retryAt: number } | null;
  /** Nothing is merged by the app. */
  paused: boolean;
  /** The PR waits in GitHub's merge queue. */
  inMergeQueue: boolean;
  /** It was thrown out of that queue: what is to be said of it. */
  dequeued: string | null;
  /** A review asking for changes on this head that has not been planned on yet. */
  changesRequested: { reviewId: number; login: string; body: string } | null;
  /** Somebody said `/cancel`. */
  cancelled: boolean;
  /** How our rows say it ended. */
  settled: 'merged' | 'rejected' | null;
}

export type PullEffect =
  | { do: 'reopen' }
  | { do: 'validate' }
  | { do: 'replan'; reviewId: number; login: string; body: string }
  | { do: 'hold'; message: string }
  | { do: 'merge'; approval: Approval }
  | { do: 'close' }
  | { do: 'admit' }
  | { do: 'reject' }
  | { wait: 'approval' | 'merge_queue' | 'blocked' | 'fix' | 'base' | 'draft' | 'resume' }
  | { end: 'nothing_to_gate' | 'settled' };

/** What is due for a PR. Pure: the same facts give the same answer, however we learned them. */
export function nextPull(f: PullFacts): PullEffect {
  if (f.settled === 'rejected' && (f.open || f.merged)) return { do: 'reopen' };
  if (f.settled) return { end: 'settled' };
  const files = [...f.jobs, ...f.schedules, ...f.goals];
  if (f.merged) return files.length > 0 ? { do: 'admit' } : { end: 'nothing_to_gate' };
  const gated = files.length + f.misplaced > 0;
  if (f.open && f.cancelled) return { do: 'close' };
  if (!f.open) return gated ? { do: 'reject' } : { end: 'nothing_to_gate' };
  if (!gated && !f.judged) return { end: 'nothing_to_gate' };
  if (f.checkedSha !== f.headSha) return { do: 'validate' };
  if (!gated) return { end: 'nothing_to_gate' };
  if (f.changesRequested) return { do: 'replan', ...f.changesRequested };
  if (f.baseRef !== f.defaultBranch) return { wait: 'base' };
  if (
    f.misplaced > 0 ||
    files.some((file) => file.findings.some((finding) => finding.severity === 'failure'))
  )
    return { wait: 'fix' };
  if (f.dequeued) return { do: 'hold', message: f.dequeued };
  if (f.inMergeQueue) return { wait: 'merge_queue' };
  if (!f.approval || f.approval.sha !== f.headSha) return { wait: 'approval' };
  if (f.draft) return { wait: 'draft' };
  if (f.paused) return { wait: 'resume' };
  if (f.blocked?.sha === f.headSha) return { wait: 'blocked' };
  return { do: 'merge', approval: f.approval };
}
