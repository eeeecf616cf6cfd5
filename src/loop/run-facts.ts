import type { JobRow, RunRow } from '../store/tables.ts';

/** Queued again by `/retry`, a job has no run yet: the last one is history. */
export function currentRun(row: JobRow, last: RunRow | undefined): RunRow | undefined {
  return last?.attempt === Math.max(1, row.attempt) ? last : undefined;
}

/** A result that came after the job was given up as lost is judged anew. */
export function isJudged(row: JobRow, run: RunRow | undefined): boolean {
  const late = row.state === 'lost' && run?.state === 'finished';
  return row.verdict !== null && !late;
}
