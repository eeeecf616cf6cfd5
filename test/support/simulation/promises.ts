import type { Offer, SyncRequest } from '../../../src/dispatch/protocol.ts';
import { parseRecord } from '../../../src/job/report-format.ts';
import { isEnded } from '../../../src/job/state.ts';
import { isTransient } from '../../../src/runner/client.ts';
import type { JobRow, JobState, RunRow } from '../../../src/store/tables.ts';
import type { World } from './world.ts';

const MAX_LEASE_LOSSES = 5;
const MAX_IDEMPOTENT_RUNS = 3;

/** Where a run may go from a state; a step may hide one in between. */
const NEXT: Record<RunRow['state'], readonly RunRow['state'][]> = {
  leased: ['running', 'returned', 'finished', 'lost'],
  running: ['finished', 'lost'],
  lost: ['finished'],
  finished: [],
  returned: [],
};

/** What was promised of leases and runs (design sections 5 and 7), watched from outside. */
export interface Promises {
  isIdempotent(job: string): boolean;
  /** A person's command was answered. */
  approved(job: string): void;
  retried(job: string): void;
  /** `cancelled`: it had not started and never will. */
  cancelled(job: string): void;
  /** A runner begins to run the job's first command. */
  started(offer: Offer, process: string): void;
  /** A sync call was answered, by `error` or well. */
  answered(run: string, request: SyncRequest, error?: unknown): void;
  /** After each event. */
  look(): void;
  /** What has not ended although nothing goes wrong any more. */
  unfinished(): string[];
  /** At the end, when all is quiet. */
  conclude(files: ReadonlyMap<string, string>): void;
}

export function watchPromises(world: World, idempotent: ReadonlySet<string>): Promises {
  const { store, breaks } = world;
  const starts: { job: string; run: string; attempt: number; fence: number }[] = [];
  const approvals = new Set<string>();
  const retries = new Map<string, number>();
  /** Attempts that may not start any more. */
  const calledOff = new Set<string>();
  let jobs = new Map<string, JobRow>();
  let runs = new Map<string, RunRow>();
  /** Retries that were accepted since a job was last seen ended. */
  let retriedSince = new Map<string, number>();
  let highestFence = 0;
  let seen = -1;

  const retriesOf = (job: string) => retries.get(job) ?? 0;

  function checkRun(before: RunRow | undefined, now: RunRow): void {
    if (!before) {
      if (now.fence <= highestFence)
        breaks(`fence ${now.fence} of ${now.id} is not above ${highestFence}, given out before`);
      highestFence = Math.max(highestFence, now.fence);
      return;
    }
    if (before.state !== now.state && !NEXT[before.state].includes(now.state))
      breaks(`run ${now.id} went from ${before.state} to ${now.state}`);
    if (before.fence !== now.fence || before.attempt !== now.attempt)
      breaks(`run ${now.id} changed its fence or attempt`);
    if (before.result !== null && before.result !== now.result) breaks(`the result of ${now.id} changed`);
    if (now.log_bytes < before.log_bytes) breaks(`the log of ${now.id} shrank`);
    if (before.state !== 'finished' && now.state === 'finished') {
      const newer = [...runs.values()].find((run) => run.job_id === now.job_id && run.fence > now.fence);
      if (newer) breaks(`the result of ${now.id} was accepted although ${newer.id} has a later fence`);
      const job = jobs.get(now.job_id);
      if (before.state === 'lost' && job?.state !== 'lost')
        breaks(`the result of the lost ${now.id} was accepted although its job is ${job?.state}`);
    }
  }

  function checkJob(before: JobRow | undefined, now: JobRow): void {
    if (now.lease_losses > MAX_LEASE_LOSSES && now.state === 'queued')
      breaks(`${now.id} is queued again after ${now.lease_losses} lost leases`);
    if (!before) return;
    const was: JobState = before.state;
    if (!isEnded(was) || was === now.state) return;
    const asked = retriesOf(now.id) > (retriedSince.get(now.id) ?? 0);
    if (!asked && !(was === 'lost' && isEnded(now.state)))
      breaks(`${now.id} had ended as ${was} and is ${now.state} now, unasked`);
  }

  return {
    isIdempotent: (job) => idempotent.has(job),
    approved: (job) => void approvals.add(job),
    retried(job) {
      retries.set(job, retriesOf(job) + 1);
    },
    cancelled(job) {
      const row = store.jobs().find((one) => one.id === job);
      calledOff.add(`${job} ${Math.max(1, row?.attempt ?? 1)}`);
    },
    started(offer, process) {
      const { job_id: job, run, attempt, fence } = offer;
      world.say(`${process} STARTS ${job}, attempt ${attempt}`);
      if (starts.some((one) => one.fence === fence)) breaks(`fence ${fence} started twice`);
      if (starts.some((one) => one.job === job && one.attempt === attempt))
        breaks(`attempt ${attempt} of ${job} started twice`);
      const allowed = (idempotent.has(job) ? MAX_IDEMPOTENT_RUNS : 1) + retriesOf(job);
      if (attempt > allowed)
        breaks(`attempt ${attempt} of ${job} started, and only ${retriesOf(job)} were asked for`);
      if (calledOff.has(`${job} ${attempt}`))
        breaks(`attempt ${attempt} of ${job} was called off and started`);
      if (!approvals.has(job)) breaks(`${job} started without an approval`);
      starts.push({ job, run, attempt, fence });
    },
    answered(run, request, error) {
      const rows = store.runs();
      const row = rows.find((one) => one.id === run);
      const job = store.jobs().find((one) => one.id === row?.job_id);
      if (!row || !job) return;
      const isLatest = !rows.some((one) => one.job_id === row.job_id && one.fence > row.fence);
      if (error === undefined) {
        if (request.phase === 'starting' && row.state !== 'running' && row.state !== 'finished')
          breaks(`${run} may start, and it is ${row.state}`);
        if (request.phase !== 'finished') return;
        if (row.state !== 'finished') breaks(`a finish of ${run} was accepted, and it is ${row.state}`);
        if (row.log_bytes !== store.log(run).length)
          breaks(`the log of ${run} is ${store.log(run).length} bytes, not ${row.log_bytes}`);
      } else if (request.phase === 'finished' && !isTransient(error)) {
        const counts =
          row.state === 'running' || row.state === 'leased' || (row.state === 'lost' && job.state === 'lost');
        const code = error instanceof Error && 'code' in error ? error.code : undefined;
        if (isLatest && counts && code === 'stale_fence')
          breaks(
            `the result of ${run}, the latest of ${job.id}, was refused: ${error instanceof Error ? error.message : error}`,
          );
      }
    },
    look() {
      if (store.commits() === seen) return;
      seen = store.commits();
      const nextJobs = new Map(store.jobs().map((row) => [row.id, row]));
      const nextRuns = new Map(store.runs().map((row) => [row.id, row]));
      for (const row of nextRuns.values()) checkRun(runs.get(row.id), row);
      for (const row of nextJobs.values()) checkJob(jobs.get(row.id), row);
      for (const row of nextJobs.values()) {
        const before = jobs.get(row.id);
        if (before && before.state !== row.state)
          world.say(`${row.id}: ${before.state} → ${row.state} (${row.reason}), attempt ${row.attempt}`);
      }
      jobs = nextJobs;
      runs = nextRuns;
      retriedSince = new Map(retries);
    },
    unfinished: () =>
      [...approvals].filter((id) => {
        const job = jobs.get(id);
        return !job || !isEnded(job.state) || job.report_sha === null;
      }),
    conclude(files) {
      for (const id of approvals) {
        const job = jobs.get(id);
        const text = files.get(`reports/jobs/${id}.json`);
        const record = text === undefined ? null : parseRecord(text);
        if (!job || !record) {
          breaks(`${id} has no record`);
          continue;
        }
        if (record.state !== job.state)
          breaks(`the record of ${id} says ${record.state}, the app ${job.state}`);
        for (const run of runs.values()) {
          if (run.job_id !== id || run.state !== 'finished') continue;
          const { outcome } = JSON.parse(run.result ?? 'null') as { outcome: string };
          const entry = record.runs.find((one) => one.attempt === run.attempt);
          if (entry?.outcome !== outcome)
            breaks(
              `${run.id} ended as ${outcome}, its record says ${entry?.outcome ?? entry?.state ?? 'nothing'}`,
            );
        }
      }
    },
  };
}
