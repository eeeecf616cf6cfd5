import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { V1Job } from '@kubernetes/client-node';
import type { Job } from '../../job/job.ts';
import type { LogRecord } from '../../job/run-result.ts';
import { redactText } from '../../job/secrets/redact.ts';
import type { ShellResult } from '../execute-shell.ts';
import { reasonOf } from '../guard-run.ts';
import type { Environment } from '../job-environment.ts';
import { readJobReport } from '../job-report.ts';
import { knownSecrets } from '../known-secrets.ts';
import type { Roots } from '../roots.ts';
import type { Cluster } from './cluster.ts';
import { followRun } from './follow-run.ts';
import { frameRecords } from './frame-records.ts';
import { jobManifest, RUN_ANNOTATION } from './job-manifest.ts';
import { jobName } from './job-name.ts';
import type { KubernetesConfig } from './kubernetes-config.ts';
import { placeJob } from './place-job.ts';
import { planRun } from './plan-run.ts';
import { runEnd } from './run-end.ts';

export interface KubernetesOptions {
  runId: string;
  repository: string | null;
  /** This runner's name. */
  runner: string;
  roots: Roots;
  environment: Environment;
  /** More values that must not appear in the log. */
  hide?: readonly string[];
  /** From `makeRunFolder`; the report passes through it. */
  folder: Promise<string>;
  /** Called in order, with text that is already redacted. */
  onRecord: (record: LogRecord) => void;
  /** Aborting cancels the job; a string reason becomes the result's message. */
  signal: AbortSignal;
  config: KubernetesConfig;
  cluster: Cluster;
  /** An earlier process of this runner was to create the Job: it is looked for, never created. */
  resume: boolean;
  /** With `resume`: records of the pod's log that the run's log has already. */
  skip?: number;
  /** ISO 8601, UTC. */
  startedAt: string;
  say: (text: string) => void;
}

/**
 * Executor `kubernetes`: the run is one Job with one pod, named after the run, so that it cannot be there twice.
 * The pod runs the shell executor's driver in a wrapper (see pod-wrapper.ts) and its log becomes the run's log.
 * A runner that was killed takes the run up again. Never throws: what goes wrong is an outcome with a message.
 */
export async function executeKubernetes(job: Job, options: KubernetesOptions): Promise<ShellResult> {
  const { config, cluster, signal } = options;
  const hide = [...knownSecrets(options.environment), ...(options.hide ?? [])];
  for (const name of job.secrets ?? []) hide.push(options.environment[name] ?? '');
  const redact = (text: string) => redactText(text, hide.filter(Boolean));
  const frames = frameRecords({
    hide: hide.filter(Boolean),
    skip: options.skip ?? 0,
    onRecord: options.onRecord,
  });
  const { story } = frames;
  const note = (text: string) => options.onRecord({ s: 'note', t: story.seconds, d: redact(text) });
  const result = (part: Partial<ShellResult> & Pick<ShellResult, 'outcome'>): ShellResult => {
    const message = part.message ? redact(part.message).slice(0, 2000) : null;
    if (message !== null) note(message);
    return {
      exit_code: null,
      signal: null,
      started_at: options.startedAt,
      finished_at: new Date().toISOString(),
      duration_seconds: story.seconds,
      steps: story.steps,
      report: null,
      ...part,
      message,
    };
  };

  try {
    const planned = planRun(job, options);
    if (!planned.ok) return result({ outcome: 'refused', message: planned.message });
    const manifest = jobManifest(config, planned.run);
    const name = jobName(planned.run);
    if (signal.aborted && !options.resume)
      return result({ outcome: 'cancelled', message: `${reasonOf(signal)} before the first line ran` });

    if (!options.resume) {
      const placed = await placeJob(cluster, manifest, { seconds: config.start_seconds, signal });
      if (placed.kind !== 'placed') {
        if (placed.kind === 'unknown') await removeRun(cluster, options.runId, name);
        if (signal.aborted)
          return result({ outcome: 'cancelled', message: `${reasonOf(signal)} before its pod was made` });
        const known = placed.kind === 'refused';
        return result({
          outcome: known ? 'refused' : 'runner_error',
          message: known
            ? `the cluster does not take the job, so nothing of it was run: ${placed.message}. See docs/kubernetes.md.`
            : `whether the job was started in the cluster is not known: ${placed.message}. See the Job ${name}, then /retry if it may run again.`,
        });
      }
      options.say(`${options.runId}: Job ${name} in ${config.namespace} of ${cluster.server}`);
    } else if (!isOf(await find(cluster, name, signal), options.runId)) {
      return result({
        outcome: 'runner_error',
        message:
          `the runner was stopped, and its Job ${name} is not in the cluster: it was deleted, or never made. ` +
          'Whether the job ran is not known; /retry if it may run again.',
      });
    }

    const followed = await followRun({
      cluster,
      name,
      frames,
      signal,
      startSeconds: config.start_seconds,
      limitSeconds: (manifest.spec?.activeDeadlineSeconds ?? 0) + 120,
      say: (text) => options.say(`${options.runId}: ${redact(text)}`),
    });
    frames.finish(followed.state?.kind === 'ended' ? followed.state.exitCode : null);
    const { notes, ...end } = runEnd({
      story,
      followed,
      cancelled: signal.aborted ? reasonOf(signal) : null,
      timeoutMinutes: job.timeout_minutes,
    });
    for (const text of notes) note(text);
    return result({ ...end, report: await report(frames, options, redact, note) });
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    return result({ outcome: 'runner_error', message: `the runner could not run this job: ${why}` });
  }
}

/**
 * Deletes the run's Job, if it is there and this run's: after its result is safe, or when it must not go on. What
 * this does not reach, ttlSecondsAfterFinished does.
 */
export async function removeRun(cluster: Cluster, run: string, name: string): Promise<void> {
  try {
    const found = await cluster.getJob(name);
    if (isOf(found, run)) await cluster.deleteJob(name);
  } catch {
    // Its end comes by itself.
  }
}

function isOf(job: V1Job | null, run: string): job is V1Job {
  return job?.metadata?.annotations?.[RUN_ANNOTATION] === run;
}

/** Asks until there is an answer: a cluster that cannot be reached says nothing of the Job. */
async function find(cluster: Cluster, name: string, signal: AbortSignal) {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await cluster.getJob(name);
    } catch (error) {
      if (signal.aborted) throw error;
      await sleep(Math.min(30_000, 500 * attempt), undefined, { signal }).catch(() => undefined);
    }
  }
}

async function report(
  frames: ReturnType<typeof frameRecords>,
  options: KubernetesOptions,
  redact: (text: string) => string,
  note: (text: string) => void,
): Promise<unknown> {
  const { report: bytes, reportLeftOut } = frames.story;
  if (reportLeftOut !== null) note(`GURUGURU_REPORT was not taken: ${reportLeftOut}`);
  if (bytes === null) return null;
  const file = join(await options.folder, 'report.json');
  await writeFile(file, bytes, { mode: 0o600 });
  const read = await readJobReport(file, redact);
  if (read.note !== null) note(read.note);
  return read.value;
}
