/** proposed: its PR is open. running: approved. waiting: a person is asked something. The others are its ends. */
export type GoalState = 'proposed' | 'running' | 'waiting' | 'reached' | 'stopped' | 'cancelled' | 'rejected';

/** A goal: `jobs/goals/<id>.json`, what was decided and what its jobs came to. */
export interface GoalRow {
  repo_id: number;
  id: string;
  state: GoalState;
  /** Its current job; null before the first. */
  job_id: string | null;
  /** The file's text as merged (or as on the PR head while proposed). */
  file: string;
  blob_sha: string;
  pr_number: number;
  /** null for a goal file that a person wrote into a PR. */
  ask_key: string | null;
  /** Where its status comment stands: the ask's thread, else its PR. */
  thread: number;
  language: 'en' | 'ja';
  /** json {login, how, sha}; null until it is merged. */
  approval: string | null;
  /** json: GoalData of row-data. */
  data: string;
  created_at: number;
  updated_at: number;
}
