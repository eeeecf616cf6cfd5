import { announce } from '../store/announce.ts';
import { getJob, patchJob, QUEUE_TOPIC } from '../store/jobs.ts';
import { getPublished } from '../store/published.ts';
import { fullName, getRepository } from '../store/repositories.ts';
import { getRun, latestRun, patchRun } from '../store/runs.ts';
import type { Tx } from '../store/store.ts';
import { isHeld } from '../store/surveys.ts';
import type { JobRow, RunRow } from '../store/tables.ts';
import { isIdRevoked } from '../store/tokens.ts';
import { enqueue } from '../store/work.ts';
import { adoptRun } from './adopt-run.ts';
import { LEASE_TIMES, LEASES_KEY } from './lease.ts';
import { jobKey, moveJob } from './move-job.ts';
import { type OfferClaims, type SigningKey, verifyOffer } from './offer-token.ts';
import { storeLog } from './store-log.ts';
import { type Refusal, refuse, type SyncCall, type SyncOutcome } from './sync-call.ts';

/**
 * Applies one sync call to the rows: phase, log, result; and renews the lease. Repeating a call changes
 * nothing. Refusals are returned and not thrown, because what the call said before them still counts.
 */
export async function sync(
  tx: Tx,
  signingKey: SigningKey,
  call: SyncCall,
  times = LEASE_TIMES,
): Promise<SyncOutcome> {
  const { request, now } = call;
  // It may have been revoked while the call waited.
  if (call.tokenId !== null && (await isIdRevoked(tx, call.tokenId)))
    return refuse('unauthorized', 'authorization: the token was revoked');
  const found = await findRun(tx, signingKey, call);
  if ('ok' in found) return found;
  const { job } = found;
  let { run } = found;

  const latest = await latestRun(tx, run.repo_id, run.job_id);
  const standing = judgeSync(run, job, latest?.id === run.id, request.phase);
  if (standing === 'stale')
    return refuse(
      'stale_fence',
      `run ${run.id} is over: its lease was lost, it was given up or cancelled before it started, or a newer run took its place`,
    );
  if (run.state === 'leased' && (await isHeld(tx, run.repo_id)))
    return refuse('unavailable', 'the app is comparing its rows with GitHub; send this again');
  if (run.state === 'lost' && job.reason === 'store_lost' && job.verdict === null)
    run = await revive(tx, run, job, now);
  const drain = await noteRunner(tx, run, call);
  const cancel = run.cancelled_by !== null;
  if (standing === 'duplicate') return { ok: true, offset: run.log_bytes, cancel, drain };

  if (run.state === 'leased') await startRun(tx, run, job, now);
  // It is shown as silent.
  if (run.state === 'running' && run.lease_expires_at <= now) {
    await enqueue(tx, jobKey(job), now);
    if (job.ask_key) await enqueue(tx, `status:${job.ask_key}`, now);
  }
  if (run.state !== 'lost') await patchRun(tx, run.id, { seen_at: now, lease_expires_at: now + times.ttlMs });

  const logged = await storeLog(tx, run, call);
  if (typeof logged !== 'number') return logged;
  if (request.phase === 'finished') {
    const refusal = await finishRun(tx, run, job, logged, call);
    if (refusal) return refusal;
  }
  return { ok: true, offset: logged, cancel, drain };
}

/**
 * `accept`: the run is the job's latest and under way, or lost and its result still counts because nobody
 * said `/retry`. `duplicate`: it is finished. `stale`: another run took its place, or its lease was lost
 * before it started, or it was given up as lost and only now wants to run its first command.
 */
export function judgeSync(
  run: Pick<RunRow, 'state'>,
  job: Pick<JobRow, 'state'>,
  isLatest: boolean,
  phase: SyncCall['request']['phase'],
): 'accept' | 'duplicate' | 'stale' {
  if (run.state === 'finished') return 'duplicate';
  if (!isLatest || run.state === 'returned') return 'stale';
  if (run.state === 'lost') return job.state === 'lost' && phase !== 'starting' ? 'accept' : 'stale';
  return 'accept';
}

/** The run the call is about, once token, offer and fence agree on it. */
async function findRun(
  tx: Tx,
  signingKey: SigningKey,
  call: SyncCall,
): Promise<{ run: RunRow; job: JobRow } | Refusal> {
  const claims = verifyOffer(signingKey, call.request.token);
  const known = await getRun(tx, call.runId);
  if (claims?.run !== call.runId && !known) return refuse('unknown_run', `run ${call.runId} is not known`);
  if (claims?.run !== call.runId)
    return refuse(
      'forbidden',
      `token: it was not given out with run ${call.runId}; send back the offer's token`,
    );
  const repository = await getRepository(tx, claims.repository);
  // Runner tokens are lost with the database; the offer we signed stands for the one it was given to.
  const covered = !repository || call.tokenId === null || call.repositories.includes(fullName(repository));
  // A token names repositories: after a rename the run it took is still its own.
  if (!covered && !(known && (await tookRun(tx, known, call))))
    return refuse(
      'forbidden',
      `the runner token does not cover ${fullName(repository)}; it covers ${call.repositories.join(', ')}`,
    );
  if (call.request.fence !== claims.fence)
    return refuse('stale_fence', `fence: ${call.request.fence} is not the fence of run ${call.runId}`);
  if (!known && call.request.phase === 'starting')
    return refuse(
      'stale_fence',
      `run ${call.runId} was not started, and the app no longer knows its lease; the job is offered again if it may run`,
    );
  if (!known) return adopt(tx, claims, call);
  const job = await getJob(tx, known.repo_id, known.job_id);
  return job ? { run: known, job } : refuse('unknown_run', `the job of run ${call.runId} is not known`);
}

/** Whether it was this token's runner that took the run. */
async function tookRun(tx: Tx, run: RunRow, call: SyncCall): Promise<boolean> {
  if (call.tokenId === null) return false;
  const row = await tx
    .selectFrom('runners')
    .select('name')
    .where('token_id', '=', call.tokenId)
    .where('name', '=', run.runner)
    .executeTakeFirst();
  return row !== undefined && run.process === call.request.process;
}

async function adopt(
  tx: Tx,
  claims: OfferClaims,
  call: SyncCall,
): Promise<{ run: RunRow; job: JobRow } | Refusal> {
  const adopted = await adoptRun(tx, claims, call.request.process, call.now);
  if (adopted.kind === 'adopted') return adopted;
  if (adopted.kind === 'replaced')
    return refuse(
      'stale_fence',
      `run ${call.runId} is over: a newer run of job ${claims.job} took its place`,
    );
  return recall(tx, claims);
}

/** The job is looked for in the repository; what is not there either is not known. */
async function recall(tx: Tx, claims: OfferClaims): Promise<Refusal> {
  const key = recallKey(claims.repository, claims.job);
  if ((await getPublished(tx, key)) !== undefined)
    return refuse('unknown_run', `job ${claims.job} is neither known nor found in its repository`);
  const known = await getRepository(tx, claims.repository);
  if (known && !(await isHeld(tx, claims.repository))) await enqueue(tx, key);
  return refuse('unavailable', `the app does not know job ${claims.job} yet; send this again later`);
}

/** Key of the look for an ended job that no row tells of; published once it was not found. */
export function recallKey(repoId: number, jobId: string): string {
  return `recall:${repoId}:${jobId}`;
}

/** Notes that the runner lives and what it works on. Returns whether it should take nothing more. */
async function noteRunner(tx: Tx, run: RunRow, call: SyncCall): Promise<boolean> {
  if (call.tokenId === null) return false;
  const over = call.request.phase === 'finished';
  const row = await tx
    .updateTable('runners')
    .set({ seen_at: call.now, run_id: over ? null : run.id })
    .where('token_id', '=', call.tokenId)
    .where('name', '=', run.runner)
    .where('process', '=', call.request.process)
    .returning('draining')
    .executeTakeFirst();
  return row?.draining === 1;
}

/** Given up with a database that was lost, before anybody was told: it is under way after all. */
async function revive(tx: Tx, run: RunRow, job: JobRow, now: number): Promise<RunRow> {
  const alive = { state: 'running', started_at: run.started_at ?? now, finished_at: null } as const;
  await patchRun(tx, run.id, alive);
  await enqueue(tx, LEASES_KEY, now + LEASE_TIMES.ttlMs);
  await moveJob(tx, job, { kind: 'heard' }, now, { attempt: run.attempt });
  return { ...run, ...alive };
}

/** The point of no return: from here on the job is never started again unasked. */
async function startRun(tx: Tx, run: RunRow, job: JobRow, now: number): Promise<void> {
  await patchRun(tx, run.id, { state: 'running', started_at: now });
  await moveJob(tx, job, { kind: 'started' }, now);
}

async function finishRun(
  tx: Tx,
  run: RunRow,
  job: JobRow,
  logBytes: number,
  call: SyncCall,
): Promise<Refusal | undefined> {
  const { result } = call.request;
  if (!result) return refuse('invalid_request', 'result: is required when phase is finished');
  if (logBytes < result.log_bytes)
    return refuse(
      'log_incomplete',
      `result.log_bytes: ${logBytes} of ${result.log_bytes} log bytes are here; send the rest first`,
      logBytes,
    );
  await patchRun(tx, run.id, {
    state: 'finished',
    finished_at: call.now,
    result: JSON.stringify(result),
    started_at: run.started_at ?? call.now,
  });
  // The late result of a lost run: what was reported about its end is void.
  if (run.state === 'lost')
    await patchJob(tx, job.repo_id, job.id, { report_sha: null, verdict: null, updated_at: call.now });
  await enqueue(tx, jobKey(job), call.now);
  announce(tx, QUEUE_TOPIC);
  return undefined;
}
