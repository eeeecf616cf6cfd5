import type { JobState } from '../job/state.ts';
import type { GoalRow } from './goal-row.ts';

/**
 * Our tables. Times are milliseconds since the epoch (UTC); `json` columns are JSON text. The repository
 * is the source of truth: every row here can be rebuilt from it or is a lease on work in progress.
 */
export interface Tables {
  repositories: RepositoryRow;
  asks: AskRow;
  commands: CommandRow;
  plans: PlanRow;
  pulls: PullRow;
  goals: GoalRow;
  jobs: JobRow;
  runs: RunRow;
  log_chunks: LogChunkRow;
  runners: RunnerRow;
  tokens: TokenRow;
  published: PublishedRow;
  model_calls: ModelCallRow;
  work: WorkRow;
  usage: UsageRow;
  pauses: PauseRow;
  scans: ScanRow;
  audit: AuditRow;
  readings: ReadingRow;
  schedules: ScheduleRow;
  ticks: TickRow;
  counters: CounterRow;
  news: NewsRow;
}

export interface RepositoryRow {
  /** GitHub's numeric id: survives rename and transfer. */
  id: number;
  owner: string;
  name: string;
  installation_id: number;
  default_branch: string;
  /** `gone`: deleted or the app was uninstalled from it. */
  state: 'active' | 'archived' | 'suspended' | 'gone';
  /** Text of .github/guruguru.yml on the default branch; null = none or not read yet. */
  settings_text: string | null;
  /** When it was last read from GitHub; 0 or below = must be read again (the negated time it changed). */
  settings_read_at: number;
  updated_at: number;
}

/** `c` issue or PR comment, `r` PR review comment, `i` issue or PR body, `v` a review that asks for changes. The id spaces are separate. */
export type SourceKind = 'c' | 'r' | 'i' | 'v';

/**
 * received: recorded, nothing known. accepted: asker may ask, 👀 given, status comment posted.
 * planned: a plan is stored. proposed: a job PR is open. done: nothing more will be planned for this ask
 * (its job may still run). ended: the final reply was posted.
 */
export type AskState = 'received' | 'accepted' | 'planned' | 'proposed' | 'queued' | 'ended' | 'ignored';

export interface AskRow {
  /** `ask:<repo id>:<c|r|i><id>`, also the work key. */
  key: string;
  repo_id: number;
  thread: number;
  source: SourceKind;
  source_id: number;
  /** 1 when the thread is a pull request. */
  on_pull: 0 | 1;
  login: string;
  /** Text as it arrived. */
  text: string;
  /** The text as it was already there when an edit added the command (gets one reply, no ask). */
  edited: 0 | 1;
  language: 'en' | 'ja';
  state: AskState;
  /** Reason code of the ending, or null. */
  reason: string | null;
  /** The plan revision in force, 0 before the first. */
  revision: number;
  job_id: string | null;
  pr_number: number | null;
  /** json: AskData of src/ask. */
  data: string;
  created_at: number;
  updated_at: number;
}

/** A command other than an ask, from a comment or a check-run button. */
export interface CommandRow {
  /** `command:<repo id>:<c|r|i|b><id>` (b: button, id = check run id and a counter). */
  key: string;
  repo_id: number;
  thread: number;
  on_pull: 0 | 1;
  /** The command word without its slash: approve, cancel, retry, status, help. */
  name: string;
  /** Words after it. */
  args: string;
  login: string;
  source: SourceKind | 'b';
  source_id: number;
  language: 'en' | 'ja';
  /** When it was written, GitHub's clock: `/approve` names no commit, so its time decides what was seen. */
  written_at: number;
  /** acted: done, but not answered yet. */
  state: 'received' | 'acted' | 'ended';
  /** What is to be answered; null: a 👍 is enough, or not acted yet. */
  reply: string | null;
  created_at: number;
}

/** A stored plan is never recomputed. */
export interface PlanRow {
  ask_key: string;
  /** 1, 2, … one per replanning. */
  revision: number;
  kind: 'job' | 'goal' | 'schedule' | 'answer' | 'question' | 'refusal';
  /** json: the Plan of src/plan. */
  body: string;
  /** sha256 of the prompt files; empty for a fenced ask. */
  prompt_digest: string;
  model: string;
  input_tokens: number;
  output_tokens: number;
  created_at: number;
}

export interface PullRow {
  repo_id: number;
  number: number;
  ask_key: string | null;
  /** Login that closed or merged it, from the webhook, else null. */
  data: string;
  updated_at: number;
}

export type { GoalRow, GoalState } from './goal-row.ts';
export type { JobState };

export interface JobRow {
  repo_id: number;
  id: string;
  state: JobState;
  /** Reason code of the last transition. */
  reason: string;
  /** The job file's text as merged (or as on the PR head while proposed). */
  file: string;
  /** `sha256:<hex>` of file. */
  digest: string;
  blob_sha: string;
  /** Head of the job PR, where the check run goes; null for a job without PR. */
  head_sha: string | null;
  pr_number: number | null;
  ask_key: string | null;
  /** Login and way of the approval, for the record: json {login, how, sha}. */
  approval: string | null;
  /** json string[]; copied from the file so that a lease needs no parsing. */
  runs_on: string;
  requires: string;
  touches: string;
  effect: 'read' | 'change';
  concurrency: string | null;
  idempotent: 0 | 1;
  /** Number of the current run, 0 before the first; `/retry` counts it up at once. */
  attempt: number;
  /** Leases of the current attempt lost before `starting`, at most 5. */
  lease_losses: number;
  /** json: how the current attempt was judged (state, reason, DoD); null until then, and again after a retry. */
  verdict: string | null;
  /** Commit that recorded the end of the current attempt, null until reported. */
  report_sha: string | null;
  queued_at: number | null;
  created_at: number;
  updated_at: number;
}

/** One attempt at a job. `leased` → `running` at phase starting → `finished` | `lost`; `returned`: lease lost before starting. */
export interface RunRow {
  id: string;
  repo_id: number;
  job_id: string;
  attempt: number;
  state: 'leased' | 'running' | 'finished' | 'lost' | 'returned';
  fence: number;
  runner: string;
  process: string;
  lease_expires_at: number;
  seen_at: number;
  started_at: number | null;
  finished_at: number | null;
  /** Login that asked for the cancel, null = nobody. */
  cancelled_by: string | null;
  /** json RunResult of the protocol, null until finished. */
  result: string | null;
  log_bytes: number;
}

export interface LogChunkRow {
  run_id: string;
  offset: number;
  bytes: Uint8Array;
}

export interface RunnerRow {
  token_id: string;
  name: string;
  process: string;
  /** json string[] */
  labels: string;
  /** json string[] */
  capabilities: string;
  version: string;
  run_id: string | null;
  draining: 0 | 1;
  seen_at: number;
}

export interface TokenRow {
  id: string;
  name: string;
  /** sha256 hex of the token. */
  hash: string;
  /** json string[] of lower-case owner/name. */
  repositories: string;
  created_at: number;
  revoked_at: number | null;
}

/** What we wrote to GitHub under a key of ours, so that it is edited and not written again. */
export interface PublishedRow {
  /** e.g. `status:<ask key>`, `final:<ask key>`, `check:<repo>:<sha>:<name>`, `reply:<command key>`. */
  key: string;
  github_id: number;
  /** sha256 hex of the last content written, so that an equal one is not sent. */
  digest: string;
  updated_at: number;
}

/** The ledger's raw lines: every model call, also the ones a crash made us repeat. */
export interface ModelCallRow {
  id: string;
  ask_key: string;
  model: string;
  input_tokens: number;
  output_tokens: number;
  outcome: string;
  at: number;
}

export interface WorkRow {
  key: string;
  due_at: number;
  /** Grows with every enqueue: an item touched while it was worked on is due again. */
  generation: number;
  attempts: number;
  /** Postgres: the process that works on it, until `expires_at` (the database's clock), under `fence`. */
  owner: string | null;
  fence: number;
  expires_at: number | null;
  last_error: string | null;
  /** 1: given up. 2: given up because GitHub, the network or the model was away; tried again from time to time. */
  stuck: 0 | 1 | 2;
}

/** How far the reconciler has read a repository. */
export interface ScanRow {
  repo_id: number;
  /** What was updated before is recorded; GitHub's clock, with an overlap. */
  since: number;
  /** Head of the default branch whose queue was compared with the rows; null = none yet. */
  head: string | null;
  updated_at: number;
}

/** One thing that was given: who got what, when. Kept for a year. */
export interface AuditRow {
  id: string;
  at: number;
  what: string;
  who: string;
  subject: string;
  repo_id: number | null;
  /** json */
  detail: string;
}

/** Asks that were heard, by person and day: the cap must hold for those that come at once. */
export interface UsageRow {
  repo_id: number;
  /** `YYYY-MM-DD` in the repository's time zone. */
  day: string;
  /** Lower case. */
  login: string;
  asks: number;
}

/** Who stopped a repository; 0 = every repository. Several may, and each takes its own back. */
export interface PauseRow {
  repo_id: number;
  /** `/pause`, `paused` in the settings file, GURUGURU_PAUSED. */
  source: 'command' | 'file' | 'app';
  login: string | null;
  at: number;
}

/** What a model made of a file and a result: asked once, and stored before anything is done with it. */
export interface ReadingRow {
  /** `reading:<repo id>:<sha256 of what was compared>` */
  key: string;
  path: string;
  /** Commit and blob the file was read at. */
  base: string;
  blob: string;
  /** json: the Reading of src/plan. */
  body: string;
  model: string;
  at: number;
}

/** An approved schedule. */
export interface ScheduleRow {
  repo_id: number;
  name: string;
  /** `gone`: its file is not on the default branch any more. */
  state: 'active' | 'gone';
  /** The file's text as it was approved. */
  file: string;
  /** `sha256:<hex>` of file. */
  digest: string;
  blob_sha: string;
  /** The PR that brought it; null where a push did. */
  pr_number: number | null;
  /** json Approval */
  approval: string;
  /** The ticks up to this time are made, or are nobody's concern (ms). */
  since: number;
  /** json: what is known of its results, see src/schedule/health.ts. */
  health: string;
  created_at: number;
  updated_at: number;
}

/** One tick that came due. */
export interface TickRow {
  repo_id: number;
  /** `<name>@<UTC minute>`, also the id of its job. */
  id: string;
  schedule: string;
  /** When it was due (ms). */
  at: number;
  /**
   * open: its job waits or runs. ended: its job has ended. skipped: the one before was still at work. replaced:
   * no runner had taken it when the next came. missed: nobody was there, and it is not caught up.
   */
  state: 'open' | 'ended' | 'skipped' | 'replaced' | 'missed';
  /** 1: made only when the app was back. */
  late: 0 | 1;
  /** Ticks between the last one that was made and this one, which nobody made. */
  missed: number;
  /** Of the schedule's file. */
  blob_sha: string;
  pr_number: number | null;
  /** json RunEntry of its last run; null until it ended. */
  entry: string | null;
  /** 1: it is counted in the schedule's health. */
  counted: 0 | 1;
  /** 1: it changed what is known, so that it is recorded at once. */
  flipped: 0 | 1;
  /** 1: the repository has it. */
  recorded: 0 | 1;
  made_at: number;
}

export interface CounterRow {
  name: string;
  value: number;
}

/** Postgres: what a process told the others that share the database. */
export interface NewsRow {
  id: number;
  /** The process. */
  sender: string;
  /** json string[] */
  topics: string;
  at: number;
}
