import type { GoalVerdict } from '../store/row-data.ts';
import type { GoalState, JobState } from '../store/tables.ts';

/** What is known of a goal when it is looked at. Times are milliseconds. */
export interface GoalFacts {
  state: GoalState;
  cancelled: boolean;
  paused: boolean;
  /** The state file in the repository says what the rows say. */
  committed: boolean;
  /** The current job; null before the first. */
  step: {
    /** Its PR is open, or was. */
    proposed: boolean;
    /** null: its row is gone. */
    job: JobState | null;
    /** Its record is committed. */
    reported: boolean;
    /** It leaves the envelope, or the policy wants a person to look: somebody must approve it. */
    outside: boolean;
    verdict: GoalVerdict['kind'] | null;
    /** Somebody wrote `/retry` after its job was taken away. */
    resumed: boolean;
  } | null;
  /** The time of the envelope is over. */
  overdue: boolean;
  deadline: number;
  /** Since when a person is asked something; null = nobody is. */
  askedAt: number | null;
  /** The question was written down in the thread. */
  told: boolean;
  reminded: boolean;
  reminderMs: number;
  now: number;
  /** The final reply is there. */
  replied: boolean;
}

export type GoalEffect =
  | { do: 'start' }
  | { do: 'commit_state' }
  | { do: 'propose' }
  | { do: 'judge' }
  | { do: 'close_step' }
  | { do: 'wait_for_person' }
  | { do: 'ask' }
  | { do: 'remind' }
  | { do: 'cancel' }
  | { do: 'stop_time' }
  | { do: 'reply' }
  | { wait: 'gate' | 'job' | 'person' | 'resume'; until: number | null }
  | { end: 'ended' };

const ENDED: readonly GoalState[] = ['reached', 'stopped', 'cancelled'];
const DONE: readonly JobState[] = ['succeeded', 'failed'];
/** A person took it away, or nobody knows what became of it: what follows is theirs to say. */
const CLOSED: readonly JobState[] = ['rejected', 'superseded', 'cancelled', 'lost'];

/** What is due for a goal. Pure: a report, a restart and a timer come to the same next step. */
export function nextGoal(f: GoalFacts): GoalEffect {
  if (f.state === 'rejected') return { end: 'ended' };
  if (f.state === 'proposed') return { wait: 'gate', until: null };
  if (ENDED.includes(f.state)) {
    // What ended is on record before anybody is told.
    if (!f.committed) return { do: 'commit_state' };
    return f.replied ? { end: 'ended' } : { do: 'reply' };
  }
  if (f.cancelled) return { do: 'cancel' };
  // Found by a new database: nobody knows how old its approval is.
  if (!f.step && f.askedAt !== null) return waiting(f);
  if (!f.step) return f.paused ? { wait: 'resume', until: null } : { do: 'start' };
  const { step } = f;
  if (step.verdict === null) {
    if (step.job !== null && DONE.includes(step.job))
      return step.reported ? { do: 'judge' } : { wait: 'job', until: null };
    if (step.job !== null && CLOSED.includes(step.job)) {
      if (step.resumed) return { do: 'judge' };
      return { do: 'close_step' };
    }
    if (!step.proposed) {
      if (f.overdue) return { do: 'stop_time' };
      if (f.paused) return { wait: 'resume', until: null };
      return f.committed ? { do: 'propose' } : { do: 'commit_state' };
    }
    if (step.job !== 'proposed') return { wait: 'job', until: null };
    // Waiting for a person costs nothing, so time does not end it.
    if (!step.outside && f.askedAt === null) return { wait: 'job', until: null };
    return f.askedAt === null ? { do: 'wait_for_person' } : waiting(f);
  }
  // A job that was taken away or lost may have been run again.
  if (step.verdict === 'closed' && step.job !== null && DONE.includes(step.job) && step.reported)
    return { do: 'judge' };
  // Its verdict is on record before anything follows from it.
  if (!f.committed) return { do: 'commit_state' };
  return f.askedAt === null ? { do: 'wait_for_person' } : waiting(f);
}

function waiting(f: GoalFacts): GoalEffect {
  if (!f.told) return { do: 'ask' };
  if (f.reminded || f.askedAt === null) return { wait: 'person', until: null };
  const at = f.askedAt + f.reminderMs;
  return f.now >= at ? { do: 'remind' } : { wait: 'person', until: at };
}
