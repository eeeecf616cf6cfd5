import type { AskRow, GoalRow, PullRow } from './tables.ts';

/** What `asks.data` holds; all optional because it grows with the ask's life. */
export interface AskData {
  /** When it was written, GitHub's clock (ms). */
  writtenAt?: number;
  /** What GitHub shows of it was taken up. */
  recalled?: boolean;
  /** What GitHub says of the asker; asked once. */
  permission?: 'admin' | 'write' | 'read' | 'none';
  /** Whether the policy lets the asker ask; with `whyNot` when it does not. */
  may?: boolean;
  whyNot?: 'permission' | 'team' | 'team_unreadable';
  /** It was counted for the day; `capped`: it was one too many. */
  counted?: boolean;
  capped?: boolean;
  /** Somebody was told that it waits for `/resume`. */
  pauseTold?: boolean;
  /** The asker is a bot, which the policy must name. */
  bot?: boolean;
  /** The job of the PR this ask was written on: it replans that job instead of making a new one. */
  replans?: { jobId: string; pull: number };
  /** Head of the PR the ask stands on, where its check run is shown too. */
  pullHead?: string;
  /** Commit of the default branch the plan was made on. */
  commit?: string;
  /** Branch and base commit of the job PR, fixed before the branch is made. */
  branch?: string;
  base?: string;
  pullUrl?: string;
  /** It ended before it was accepted: its one reply is all that is said of it. */
  unheard?: boolean;
  /** What a refusal says, rendered. */
  refusal?: string;
  /** Who said `/cancel` before its job was queued. */
  endedBy?: string | null;
  /** When the model can be asked again. */
  retryAt?: number;
}

export interface Approval {
  login: string;
  /** `auto`: by the policy, for who asked. `goal`: by who approved the goal it is a step of. */
  how: 'review' | 'command' | 'button' | 'merge' | 'push' | 'self' | 'auto' | 'goal';
  /** The head it was given for. */
  sha: string;
  /** Who approved it too, where the policy wants several. */
  with?: string[];
  /** Rules that an owner overrode, and who. */
  overrides?: { rules: string[]; login: string };
}

/** What `pulls.data` holds. */
export interface PullData {
  /** Head the app last looked at, and since when a person could see it in the status or the check. */
  headSha?: string;
  headSeenAt?: number;
  /** The same by GitHub's clock, where it is known: our own may be wrong, and may have stopped with the app. */
  headShownAt?: number | undefined;
  /** Head whose `guruguru / validate` check stands. */
  checkedSha?: string | null;
  /** It brings jobs of somebody who may not write, which have no rows until somebody approves them. */
  unlisted?: boolean;
  /** It brings schedules, which have no rows before they are in force. */
  scheduled?: boolean;
  /** Who clicked "re-run": the head is judged again if that person may write. */
  rerun?: string | null;
  /** Number of the last survey after which it was seen open: merged later, it cannot have been admitted before. */
  openIn?: number;
  /** Failures found on that head. */
  failures?: number;
  /** The head that holds our job file and nothing else: GitHub need not be asked what it changes. */
  ownSha?: string;
  /** Plans made for this PR; absent: one. */
  revision?: number;
  approval?: Approval | null;
  /** What was written or clicked for its head, one a person. */
  approvals?: Approval[];
  /** Rules of the policy that an owner overrode for this head. */
  override?: { sha: string; rules: string[]; login: string } | null;
  /**
   * GitHub refused the merge of this head. `review`: id of the newest review then, 0 = none; a later one
   * tries again at once, time (`retryAt`, ms, further away with each of `tries`) does too.
   */
  blocked?: { sha: string; message: string; review: number; tries: number; retryAt: number } | null;
  /** The head that GitHub's merge queue holds. */
  queuedSha?: string | null;
  /** It was thrown out of the queue: what is to be said of that. */
  dequeued?: string | null;
  /** Reviews already planned on. */
  reviews?: number[];
  settled?: 'merged' | 'rejected' | null;
  /** Somebody said `/cancel`: it is to be closed. */
  cancelled?: boolean;
  url?: string;
}

/** What a goal's job came to. */
export interface GoalVerdict {
  /** `closed`: a person took the job away, or it was lost. */
  kind: 'reached' | 'next' | 'stuck' | 'stopped' | 'closed';
  /** Who says so: the goal's DoD, the model's opinion, a cap or rule, a person. */
  by: 'dod' | 'model' | 'rule' | 'person';
  /** Closed reason code of goal-stops.ts for `stopped`; the job's state for `closed`. */
  reason?: string;
  /** The model's words: why it is reached, or the question. */
  text?: string;
  /** Paths of reports. */
  evidence?: string[];
  /** What the goal's DoD came to on this report; absent where it has none. */
  dod?: { verdict: 'met' | 'unmet' | 'error'; detail: string };
  at: number;
}

/** One job of a goal. */
export interface GoalStep {
  jobId: string;
  /** The job file, byte for byte, fixed before anything of it is written to GitHub. */
  file: string;
  /** The commit its branch is made on. */
  base: string;
  /** Why this is the next job, in the model's words; empty for the first. */
  why: string;
  /** In what it leaves the envelope: then it waits for a person. */
  outside: string[];
  /** Since when its PR is open; absent before. */
  proposedAt?: number;
  verdict?: GoalVerdict;
  /** Somebody wrote `/retry`: it is judged again, whatever became of its job. */
  resumed?: boolean;
  /** Of its report: `failure` null for a success; two equal ones mean that nothing changed. */
  prints?: { failure: string | null; whole: string };
}

/** What `goals.data` holds. */
export interface GoalData {
  steps: GoalStep[];
  /** When it was approved. */
  startedAt?: number;
  /** How it ended, beside the last verdict: `cancelled` by a login, or withdrawn. */
  ended?: { reason: string; by?: string };
  /** Who said `/cancel`. */
  cancelledBy?: string;
  /** Digest of the state file as it was committed last. */
  committed?: string;
  /** Since when a person is asked something, and whether the reminder was sent. */
  asked?: { key: string; since: number; reminded?: boolean };
  /** It goes on then (ms): the cap of the day, or the model is away. */
  pausedUntil?: number;
}

export function goalData(row: Pick<GoalRow, 'data'>): GoalData {
  return JSON.parse(row.data) as GoalData;
}

export function askData(row: Pick<AskRow, 'data'>): AskData {
  return JSON.parse(row.data) as AskData;
}

export function pullData(row: Pick<PullRow, 'data'> | undefined): PullData {
  return row ? (JSON.parse(row.data) as PullData) : {};
}

/** The row's data with some fields replaced, as JSON text. */
export function withData<T extends object>(data: T, patch: Partial<T>): string {
  return JSON.stringify({ ...data, ...patch });
}
