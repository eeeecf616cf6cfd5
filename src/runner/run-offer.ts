import { createHash } from 'node:crypto';
import type { Offer } from '../dispatch/protocol.ts';
import type { Job } from '../job/job.ts';
import { SANDBOX_CAPABILITY, suits } from '../job/match-runner.ts';
import { parseJob } from '../job/parse-job.ts';
import { redactText } from '../job/secrets/redact.ts';
import { approvedPath } from '../job/tick-id.ts';
import { backoffMs, withRetry } from './client.ts';
import { syncBase } from './deliver-run.ts';
import { deliverUnwritten } from './deliver-unwritten.ts';
import { emptyResult } from './empty-result.ts';
import { type LogSpool, openLogSpool } from './log-spool.ts';
import type { OfferContext, OngoingRun } from './offer-context.ts';
import { makeRunFolder, removeRunFolder } from './run-folder.ts';
import { isRunId, type SpooledRun, type StateDirectory } from './state-directory.ts';
import { superviseRun } from './supervise-run.ts';
import type { RunSync } from './sync-run.ts';
import { tries } from './tries.ts';

/**
 * Takes one leased run from the offer to a result on disk: checked, `starting` answered, journal written,
 * then run. What is left to do is to deliver it. Returns the offset up to which the app has the log, or
 * null when nothing was run and nothing is to be delivered.
 */
export async function runOffer(
  offer: Offer,
  context: OfferContext,
  onGoing: (run: OngoingRun) => void,
): Promise<number | null> {
  if (!isRunId(offer.run)) {
    context.say(
      `an offer with an unusable run id was passed over: ${JSON.stringify(offer.run).slice(0, 100)}`,
    );
    return null;
  }
  const folder = makeRunFolder();
  // Awaited when the run begins; until then a failure must not end the process.
  folder.catch(() => undefined);
  try {
    return await runIn(folder, offer, context, onGoing);
  } finally {
    // A folder that could not be made has been told in the run's result.
    await folder.then(removeRunFolder, () => undefined);
  }
}

async function runIn(
  folder: Promise<string>,
  offer: Offer,
  context: OfferContext,
  onGoing: (run: OngoingRun) => void,
): Promise<number | null> {
  const { state, say } = context;
  const run = {
    offer,
    process: context.process,
    started_at: new Date().toISOString(),
    executor: executorOf(context),
  };
  const checked = await verified(offer, checkAgain(offer, checkOffer(offer, context), state), context);
  const starting = await start(offer, context);
  if (starting === 'refused') return null;

  let sync: RunSync | null = null;
  let log: LogSpool;
  try {
    state.begin(run);
    log = openLogSpool(state.logPaths(offer.run), undefined, () => sync?.grown());
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const message = `the runner cannot write to ${state.path}, so nothing of it was run (${why}). Make room there, then /retry.`;
    say(`${offer.run}: ${message}`);
    await deliverUnwritten(context, run, emptyResult('runner_error', message, 0), NO_LOG);
    return null;
  }
  if (!checked.ok || starting === 'stopped') {
    const message = checked.ok
      ? 'the runner was stopped before the first line ran'
      : redactText(checked.message, context.hide);
    log.write({ s: 'note', t: 0, d: message });
    const result = emptyResult(checked.ok ? 'cancelled' : 'refused', message, log.finish());
    say(`${offer.run}: ${message}`);
    if (tries(() => state.end(offer.run, result)) !== null) await deliverUnwritten(context, run, result, log);
    log.close();
    return 0;
  }

  const { job } = checked;
  say(`${offer.run}: running ${job.id} of ${offer.repository}`);
  return superviseRun(run, job, context, {
    folder,
    log,
    resume: false,
    onSync: (going) => {
      sync = going;
      onGoing(going);
    },
  });
}

function executorOf(context: OfferContext): SpooledRun['executor'] {
  return context.pods === undefined ? 'shell' : 'kubernetes';
}

const NO_LOG = { size: () => 0, read: () => Buffer.alloc(0) };

type CheckedOffer = { ok: true; job: Job } | { ok: false; message: string };

/** The runner's own judgement of what it was given: the app has checked all of it before. */
export function checkOffer(
  offer: Pick<Offer, 'file' | 'digest' | 'job_id'>,
  runner: { labels: readonly string[]; capabilities: readonly string[] },
): CheckedOffer {
  const refuse = (message: string): CheckedOffer => ({ ok: false, message });
  const digest = `sha256:${createHash('sha256').update(offer.file, 'utf8').digest('hex')}`;
  if (digest !== offer.digest) {
    return refuse(
      `the job file's digest is ${digest}, not ${offer.digest} as offered: it was changed on its way`,
    );
  }
  const parsed = parseJob(offer.file, { path: approvedPath(offer.job_id) });
  if (!parsed.ok) {
    const first = parsed.findings.find((finding) => finding.severity === 'failure') ?? parsed.findings[0];
    const where = first === undefined ? '' : ` ${first.path}:${first.line}:${first.column} ${first.message}`;
    return refuse(`this runner does not accept the job file:${where}`);
  }
  if (parsed.job.id !== offer.job_id)
    return refuse(`id: the job file says ${parsed.job.id}, the offer ${offer.job_id}`);
  if (
    parsed.job.kind === 'run_shell' &&
    parsed.job.network === 'off' &&
    !runner.capabilities.includes(SANDBOX_CAPABILITY)
  ) {
    return refuse(
      'network: "off" needs a sandbox, and this runner has none. Start it with --sandbox, then /retry.',
    );
  }
  if (!suits(parsed.job, runner)) {
    return refuse(
      'runs_on, requires: this runner has not what the job asks for ' +
        `(labels ${runner.labels.join(', ')}; capabilities ${runner.capabilities.join(', ')})`,
    );
  }
  return { ok: true, job: parsed.job };
}

/** An app whose database is older than what this runner did would have it done twice. */
function checkAgain(
  offer: Offer,
  checked: CheckedOffer,
  state: Pick<StateDirectory, 'startedBefore'>,
): CheckedOffer {
  const before = checked.ok ? state.startedBefore(offer) : null;
  if (before === null) return checked;
  return {
    ok: false,
    message:
      `this runner has started run ${offer.attempt} of ${offer.job_id} before (${before}), so the app's database is older than that. ` +
      'Nothing was run this time. See what it did then; /retry runs it again.',
  };
}

/** With `--verify`, a good offer must be proved on GitHub as well, before `starting`. */
async function verified(offer: Offer, checked: CheckedOffer, context: OfferContext): Promise<CheckedOffer> {
  if (!checked.ok || !context.verify) return checked;
  const { verifyOffer } = await import('./verify-offer.ts');
  const proof = await verifyOffer(offer, context.verify, context.cancel);
  if (!proof.ok) return { ok: false, message: proof.message };
  if (proof.how === 'goal') {
    const known = context.state.goalJobs(offer.repository, proof.goal, offer.job_id);
    if (known > proof.most) {
      const message = `refused by --verify: the goal ${proof.goal} may have ${proof.most} jobs, and this is number ${known} here. Approve the PR of this job by review, then /retry ${offer.job_id}.`;
      return { ok: false, message };
    }
    context.say(`${offer.run}: ${offer.job_id} is verified: ${proof.login} approved its goal ${proof.goal}`);
    return checked;
  }
  const did = proof.how === 'merge' ? 'merged' : 'approved';
  context.say(`${offer.run}: ${offer.job_id} is verified: ${proof.login} ${did} PR #${offer.pull}`);
  return checked;
}

/**
 * `starting`, tried until the app gives an answer: before one nothing runs, and an attempt whose answer was
 * lost is repeated by the next. `stopped`: the runner is to stop, and whether the app counts the job as
 * started is not known.
 */
async function start(offer: Offer, context: OfferContext): Promise<'started' | 'stopped' | 'refused'> {
  let tries = 0;
  try {
    const answer = await withRetry(
      () =>
        context.client.sync(
          offer.run,
          { ...syncBase({ offer, process: context.process }), phase: 'starting', wait: 0 },
          context.cancel,
        ),
      {
        signal: context.cancel,
        delayMs: backoffMs,
        onError: (error) => {
          tries += 1;
          if (tries === 1)
            context.say(`${offer.run}: not started yet: ${error instanceof Error ? error.message : error}`);
        },
      },
    );
    return answer.cancel ? 'stopped' : 'started';
  } catch (error) {
    if (context.cancel.aborted) return 'stopped';
    context.say(`${offer.run}: not started: ${error instanceof Error ? error.message : error}`);
    return 'refused';
  }
}
