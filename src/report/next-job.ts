import type { JobState, RunRow } from '../store/tables.ts';

/** What is known of a job and its current run. */
export interface JobFacts {
  state: JobState;
  run: Pick<RunRow, 'state' | 'attempt'> | null;
  /** The verdict of the current attempt stands in the row. */
  judged: boolean;
  /** An agent's change is to become a PR, so that the record can name it. */
  changeDue: boolean;
  /** The current attempt's end is committed. */
  reported: boolean;
  /** Every check run shows what the rows say. */
  checksCurrent: boolean;
  /** The one final reply of this attempt is there. */
  replied: boolean;
}

export type JobEffect =
  | { do: 'judge' }
  | { do: 'end_without_result' }
  | { do: 'propose_change' }
  | { do: 'commit_report' }
  | { do: 'update_checks' }
  | { do: 'reply' }
  | { wait: 'approval' | 'runner' }
  | { end: 'reported' | 'not_started' };

const ENDED: readonly JobState[] = ['succeeded', 'failed', 'cancelled', 'lost'];

/** What is due for a job. The record comes first: a check run or a reply never tells what is not committed. */
export function nextJob(f: JobFacts): JobEffect {
  if (f.state === 'rejected' || f.state === 'superseded') return { end: 'not_started' };
  if (f.state === 'proposed') return { wait: 'approval' };
  if (f.run?.state === 'finished' && !f.judged) return { do: 'judge' };
  if (!ENDED.includes(f.state)) return f.checksCurrent ? { wait: 'runner' } : { do: 'update_checks' };
  if (!f.judged) return { do: 'end_without_result' };
  if (!f.reported && f.changeDue) return { do: 'propose_change' };
  if (!f.reported) return { do: 'commit_report' };
  if (!f.checksCurrent) return { do: 'update_checks' };
  if (!f.replied) return { do: 'reply' };
  return { end: 'reported' };
}
