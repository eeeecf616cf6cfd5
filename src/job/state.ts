import type { RunReason, RunVerdict } from './report-format.ts';

/** Where a job is (design section 5). */
export type JobState =
  | 'proposed'
  | 'queued'
  | 'leased'
  | 'running'
  | 'succeeded'
  | 'failed'
  | 'cancelled'
  | 'lost'
  | 'rejected'
  | 'superseded';

/** What can happen to a job. */
export type JobEvent =
  /** Merged, and its blob is the one that was validated and approved. */
  | { kind: 'admitted' }
  /** Merged, but not as validated and approved, or by someone who may not. */
  | { kind: 'not_admitted' }
  | { kind: 'pull_closed' }
  | { kind: 'reopened' }
  | { kind: 'replanned' }
  /** A person said /cancel. A running job only hears of it; its end is an `ended`. */
  | { kind: 'cancel' }
  /** A person said /retry. */
  | { kind: 'retry' }
  | { kind: 'leased' }
  /** The lease ran out or was fenced before `starting`. `losses` counts this one. */
  | { kind: 'lease_lost'; losses: number }
  /** Phase `starting`: the point of no return. */
  | { kind: 'started' }
  /** A run came to its end, be it late. */
  | { kind: 'ended'; verdict: RunVerdict }
  /** 15 minutes without a word after `starting`. `attempt` is the run that fell silent, from 1. */
  | { kind: 'silent'; idempotent: boolean; attempt: number }
  /** The database is gone or rolled back, and nobody knows whether this merged job ran. */
  | { kind: 'store_lost' }
  /** A run that such a database had started is heard of. No run begins: it goes on. */
  | { kind: 'heard' };

/** Why a job is where it is. Every ending has one. */
type JobReason =
  | RunReason
  | 'planned'
  | 'admitted'
  | 'not_admitted'
  | 'pull_closed'
  | 'reopened'
  | 'replanned'
  | 'retried'
  | 'leased'
  | 'lease_lost'
  | 'never_started'
  | 'started'
  | 'retried_idempotent'
  | 'store_lost'
  | 'heard';

export type Transition = { state: JobState; reason: JobReason } | { refused: string };

/** Leases lost before `starting` after which a job is given up (design section 7). */
const MAX_LEASE_LOSSES = 5;
/** Runs that an `idempotent` job gets without being asked (design section 7). */
const MAX_IDEMPOTENT_RUNS = 3;

const MERGED: ReadonlySet<JobState> = new Set([
  'queued',
  'leased',
  'running',
  'succeeded',
  'failed',
  'cancelled',
  'lost',
]);

/** Whether a run that fell silent is followed by another without being asked. `attempt`: its number, from 1. */
export function runsAgain(run: { idempotent: boolean; attempt: number }): boolean {
  return run.idempotent && run.attempt < MAX_IDEMPOTENT_RUNS;
}

/** Nothing more happens by itself. `/retry` may still begin another run, and a lost run's result may come. */
export function isEnded(state: JobState): boolean {
  return state !== 'proposed' && state !== 'queued' && state !== 'leased' && state !== 'running';
}

/** It was merged and admitted, so there is, or will be, a record of it. */
export function wasQueued(state: JobState): boolean {
  return MERGED.has(state);
}

/**
 * The one table of a job's life: where an event takes it, with the reason code to keep, or why the event
 * means nothing there. Webhooks come twice and in any order, so a refusal is an answer, not a failure.
 */
export function transition(state: JobState, event: JobEvent): Transition {
  const refused = { refused: `${event.kind} means nothing to a job that is ${state}` };
  const from = (...states: JobState[]) => states.includes(state);
  switch (event.kind) {
    case 'admitted':
      return from('proposed') ? { state: 'queued', reason: 'admitted' } : refused;
    case 'not_admitted':
      return from('proposed', 'queued') ? { state: 'rejected', reason: 'not_admitted' } : refused;
    case 'pull_closed':
      return from('proposed') ? { state: 'rejected', reason: 'pull_closed' } : refused;
    case 'reopened':
      return from('rejected') ? { state: 'proposed', reason: 'reopened' } : refused;
    case 'replanned':
      return from('proposed') ? { state: 'superseded', reason: 'replanned' } : refused;
    case 'cancel':
      // Not yet merged, it has nothing to retry: rejected, as if its PR had been closed by hand.
      if (from('proposed')) return { state: 'rejected', reason: 'cancelled' };
      if (from('queued', 'leased')) return { state: 'cancelled', reason: 'cancelled' };
      return from('running') ? { state: 'running', reason: 'cancelled' } : refused;
    case 'retry':
      return MERGED.has(state) && isEnded(state) ? { state: 'queued', reason: 'retried' } : refused;
    case 'leased':
      return from('queued') ? { state: 'leased', reason: 'leased' } : refused;
    case 'lease_lost':
      if (!from('leased')) return refused;
      return event.losses > MAX_LEASE_LOSSES
        ? { state: 'failed', reason: 'never_started' }
        : { state: 'queued', reason: 'lease_lost' };
    case 'started':
      return from('leased') ? { state: 'running', reason: 'started' } : refused;
    case 'ended':
      // A runner may refuse or be cancelled before it starts; a lost job's result may still come.
      return from('leased', 'running', 'lost') ? event.verdict : refused;
    case 'silent':
      if (!from('running')) return refused;
      return runsAgain(event)
        ? { state: 'queued', reason: 'retried_idempotent' }
        : { state: 'lost', reason: 'lost' };
    case 'store_lost':
      return from('proposed', 'queued', 'leased', 'running')
        ? { state: 'lost', reason: 'store_lost' }
        : refused;
    case 'heard':
      return MERGED.has(state) ? { state: 'running', reason: 'heard' } : refused;
  }
}
