import { join } from 'node:path';
import type { Job } from '../job/job.ts';
import { deliverUnwritten } from './deliver-unwritten.ts';
import { executeJob } from './execute-job.ts';
import type { ShellResult } from './execute-shell.ts';
import { keepAwake } from './keep-awake.ts';
import { jobName } from './kubernetes/job-name.ts';
import type { LogSpool } from './log-spool.ts';
import type { OfferContext } from './offer-context.ts';
import type { SpooledRun } from './state-directory.ts';
import { type RunSync, SYNC_TIMING, startRunSync } from './sync-run.ts';
import { tries } from './tries.ts';

/**
 * Runs a job that is written down as started, in touch with the app, to a result on disk. Returns the offset up to
 * which the app has the log. With `resume` the executor takes up what an earlier process of this runner began.
 */
export async function superviseRun(
  run: Omit<SpooledRun, 'result'>,
  job: Job,
  context: OfferContext,
  part: {
    folder: Promise<string>;
    log: LogSpool;
    resume: boolean;
    /** Records of the pod's log that are in the run's log already. */
    skip?: number;
    onSync: (sync: RunSync) => void;
  },
): Promise<number> {
  const { client, state, say } = context;
  const { offer } = run;
  const { log } = part;
  const cancel = new AbortController();
  const sync = startRunSync({
    client,
    run,
    log,
    idempotent: job.idempotent,
    timing: { ...SYNC_TIMING, ...context.sync },
    onCancel: (reason) => cancel.abort(reason),
    onDrain: context.onDrain,
    say,
  });
  part.onSync(sync);
  const signal = AbortSignal.any([cancel.signal, context.cancel]);
  const result = await execute(run, job, context, { ...part, signal });
  const ended = { ...result, log_bytes: log.finish() };
  const unwritten = tries(() => state.end(offer.run, ended));
  const offset = await sync.stop();
  if (unwritten !== null) {
    say(`${offer.run}: its result cannot be written (${unwritten}); delivering it from memory`);
    await deliverUnwritten(context, run, ended, log);
  }
  log.close();
  if (context.pods !== undefined) {
    const { removeRun } = await import('./kubernetes/execute-kubernetes.ts');
    await removeRun(context.pods.cluster, offer.run, jobName({ run: offer.run, job }));
  }
  const how = result.outcome === 'exited' ? `exit ${result.exit_code ?? result.signal}` : result.outcome;
  say(`${offer.run}: ${job.id} ended (${how}, ${result.duration_seconds} s)`);
  return offset;
}

async function execute(
  run: Omit<SpooledRun, 'result'>,
  job: Job,
  context: OfferContext,
  part: { folder: Promise<string>; log: LogSpool; resume: boolean; skip?: number; signal: AbortSignal },
): Promise<ShellResult> {
  const { offer } = run;
  const { pods, environment, hide, roots } = context;
  const common = {
    runId: offer.run,
    folder: part.folder,
    roots,
    repository: offer.repository,
    environment,
    hide,
    signal: part.signal,
  };
  if (pods === undefined) {
    return executeJob(job, {
      ...common,
      passOn: context.passOn,
      sandbox: context.sandbox,
      copies: join(context.state.path, 'copies'),
      codexConfig: context.codexConfig,
      onRecord: part.log.write,
      onStart: keepAwake,
      timing: context.shell,
    });
  }
  const { executeKubernetes } = await import('./kubernetes/execute-kubernetes.ts');
  return executeKubernetes(job, {
    ...common,
    ...pods,
    resume: part.resume,
    startedAt: run.started_at,
    say: context.say,
    skip: part.skip ?? 0,
    onRecord: part.log.write,
  });
}
