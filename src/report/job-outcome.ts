import type { Job } from '../job/job.ts';
import type { RunEntry } from '../job/report-format.ts';
import type { Outcome, VerdictReason } from '../messages/views.ts';
import type { RunRow } from '../store/tables.ts';

/** How a run ended, as every rendering shows it. */
export function outcomeOf(job: Job, entry: RunEntry, run: RunRow | undefined): Outcome {
  return {
    verdict: entry.state,
    reason: reasonOf(job, entry, run),
    durationSeconds: entry.duration_seconds,
  };
}

function reasonOf(job: Job, entry: RunEntry, run: RunRow | undefined): VerdictReason {
  const dod = entry.dod.source;
  switch (entry.reason) {
    case 'dod_met':
      return { kind: 'dod_met', dod };
    case 'dod_unmet':
      return { kind: 'dod_unmet', dod, saw: entry.dod.saw ?? [] };
    case 'dod_error':
      return { kind: 'dod_error', dod, message: entry.dod.message ?? '' };
    case 'timeout':
      return { kind: 'timeout', minutes: job.timeout_minutes };
    case 'cancelled':
      return { kind: 'cancelled', by: run?.cancelled_by ?? null, started: entry.started_at !== null };
    case 'refused':
      return { kind: 'refused', message: entry.message ?? '' };
    case 'runner_error':
      if (entry.outcome === null) return { kind: 'never_started' };
      return { kind: 'runner_error', message: entry.message ?? '' };
    case 'killed_by_signal':
      return { kind: 'killed', signal: entry.signal };
    case 'lost':
      return { kind: 'lost', seenAt: run?.seen_at ?? null };
  }
}
