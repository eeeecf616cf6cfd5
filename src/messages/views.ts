import type { ChangeCode } from '../job/change/judge-change.ts';
import type { Language } from './detect-language.ts';

/**
 * Plain data that several renderings share. Logins come without `@`, times are milliseconds since the
 * epoch, durations are seconds. Text from people, models and jobs is given raw: every renderer neutralises it.
 */

/** The words a rendering needs of its repository. */
export interface Locale {
  language: Language;
  /** IANA name from the repository's settings, e.g. `Asia/Tokyo`. */
  timeZone: string;
  /** The configured trigger word with its slash, e.g. `/ask`. */
  trigger: string;
}

/** Who will take a job, as far as is known now. */
export interface RunnerMatch {
  /** Name of a live runner that suits the job; null = none is live. */
  runner: string | null;
  /** It is running another job at the moment. */
  busy?: boolean;
  /** None is live, but this Mac, which suits the job, is only asleep. */
  asleep?: string;
  /** What the job wants of a runner: its `runs_on` and `requires`. */
  wants: readonly string[];
  /** What that runner has proved of it, and of its cluster. */
  proved?: readonly string[];
}

export interface PullLink {
  number: number;
  url: string;
}

/** How a job ended, as shown to people. `lost`: started and never heard of again. */
export type ShownVerdict = 'succeeded' | 'failed' | 'cancelled' | 'lost';

/** Why it ended so. */
export type VerdictReason =
  | { kind: 'dod_met'; dod: string }
  /** `saw`: the values the DoD looked at. */
  | { kind: 'dod_unmet'; dod: string; saw: readonly { name: string; value: string }[] }
  | { kind: 'dod_error'; dod: string; message: string }
  | { kind: 'timeout'; minutes: number }
  /** A signal that neither the runner nor its time limit sent, e.g. the out-of-memory killer's. */
  | { kind: 'killed'; signal: string | null }
  /** `by`: login; null = not known. `started` false: it was cancelled before its first command. */
  | { kind: 'cancelled'; by: string | null; started: boolean }
  /** The runner would not start it. `message`: its own words. */
  | { kind: 'refused'; message: string }
  /** Leased several times, and each runner was lost before the first command. */
  | { kind: 'never_started' }
  | { kind: 'runner_error'; message: string }
  /** `seenAt`: when the runner was last heard; null = the database was lost. */
  | { kind: 'lost'; seenAt: number | null };

export interface Outcome {
  verdict: ShownVerdict;
  reason: VerdictReason;
  /** null when it never started. */
  durationSeconds: number | null;
}

/** What became of an agent's change; see ChangeRecord of src/job. */
export type ShownChange =
  | { state: 'none' }
  | { state: 'due' }
  | { state: 'proposed'; pull: number; url: string }
  | { state: 'kept'; code: ChangeCode; detail: string | null; url?: string };

export interface RunLinks {
  /** The PR with an agent's change. */
  change?: PullLink;
  /** The committed log or record. */
  report?: string;
  /** The `guruguru / <job id>` check run. */
  check?: string;
}

export interface Cost {
  /** Empty for a fenced ask. */
  model: string;
  inputTokens: number;
  outputTokens: number;
  /** Only when a price is known. */
  usd?: number;
}

/** What a PR does to a schedule, or what a schedule will do. */
export interface ScheduleLine {
  name: string;
  title?: string;
  change: 'added' | 'modified' | 'removed';
  cron: string;
  timeZone: string;
  paused: boolean;
  /** Ms since the epoch; null: none comes, or it is paused or removed. */
  next: number | null;
}

/** Why a merged schedule file is not in force. */
export type NotScheduled =
  | 'other_base'
  | 'invalid'
  | 'settings'
  | 'not_approved'
  | 'file_differs'
  | 'dispatch_git';

/** A word on a schedule's issue. Times are ms since the epoch. */
export interface ScheduleSaid {
  kind: 'failed' | 'recovered' | 'flaps' | 'missing' | 'removed';
  name: string;
  /** When the tick it is about was due. */
  at: number;
  timeZone: string;
  /** How its run ended; null: it gave no result. */
  outcome: Outcome | null;
  /** A runner had taken it. */
  taken: boolean;
}

/** A schedule as `/status` lists it. Times are ms since the epoch. */
export interface ScheduleStatus {
  name: string;
  title?: string;
  /** Its issue, else its file. */
  url: string;
  cron: string;
  timeZone: string;
  /** null: it has none yet. */
  result: 'ok' | 'bad' | 'missing' | 'flapping' | null;
  /** Since when the last result is what it is. */
  since: number | null;
  /** When the last tick was due. */
  last: number | null;
  /** null: none comes any more. */
  next: number | 'paused' | null;
}
