import type { Job } from '../../job/job.ts';
import type { LogRecord } from '../../job/run-result.ts';
import type { Environment } from '../job-environment.ts';
import { POD_SCRIPT, provedBy } from '../probe-cluster.ts';
import type { Roots } from '../roots.ts';
import { makeRunFolder, removeRunFolder } from '../run-folder.ts';
import { executeKubernetes, removeRun } from './execute-kubernetes.ts';
import { jobName } from './job-name.ts';
import type { Pods } from './pods.ts';

export type PodsProbe = { ok: true; capabilities: string[] } | { ok: false; why: string };

/**
 * Runs one pod as every job's will be, and lets it say what is there: only that proves the image, the node, the
 * permissions and the way to the log.
 */
export async function probePods(
  pods: Pods,
  given: {
    id: string;
    roots: Roots;
    environment: Environment;
    signal: AbortSignal;
    say: (text: string) => void;
  },
): Promise<PodsProbe> {
  const root = given.roots === 'anything' ? '/workspace' : (given.roots[0]?.path ?? '/workspace');
  const repository = given.roots === 'anything' ? null : (given.roots[0]?.repository ?? null);
  const job: Job = {
    id: 'probe',
    kind: 'run_shell',
    workdir: root,
    script: POD_SCRIPT,
    dod: 'true',
    report_path: 'reports/jobs/probe.out',
    timeout_minutes: Math.min(5, pods.config.max_timeout_minutes),
    idempotent: true,
  };
  const records: LogRecord[] = [];
  const folder = makeRunFolder();
  try {
    const result = await executeKubernetes(job, {
      ...pods,
      runId: given.id,
      repository,
      roots: given.roots,
      environment: given.environment,
      folder,
      onRecord: (record) => records.push(record),
      signal: given.signal,
      resume: false,
      startedAt: new Date().toISOString(),
      say: given.say,
    });
    await removeRun(pods.cluster, given.id, jobName({ run: given.id, job }));
    if (result.outcome !== 'exited' || result.exit_code !== 0)
      return {
        ok: false,
        why: result.message ?? `the probe ended with exit ${result.exit_code ?? result.signal}`,
      };
    const lines = records.flatMap((record) => (record.s === 'out' ? [record.d] : []));
    return { ok: true, capabilities: ['linux', ...provedBy(lines.join('\n'))] };
  } finally {
    await folder.then(removeRunFolder, () => undefined);
  }
}
