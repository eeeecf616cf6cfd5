import { setTimeout as sleep } from 'node:timers/promises';
import type { V1Job } from '@kubernetes/client-node';
import type { Cluster } from './cluster.ts';
import { ClusterError, retryDelayMs } from './cluster-error.ts';
import { RUN_ANNOTATION } from './job-manifest.ts';

/** `refused`: it is not there and was not. `unknown`: whether it is there is not known. */
export type Placed = { kind: 'placed' } | { kind: 'refused' | 'unknown'; message: string };

/**
 * Creates the Job, or finds it there: a create whose answer was lost, or that was answered by an error after all,
 * is met again as 409. Tried until `signal` is aborted or `seconds` have passed.
 */
export async function placeJob(
  cluster: Cluster,
  manifest: V1Job,
  limit: { seconds: number; signal: AbortSignal },
): Promise<Placed> {
  const name = manifest.metadata?.name ?? '';
  const until = performance.now() + limit.seconds * 1000;
  let sent = false;
  let last = 'it was stopped before';
  for (let attempt = 1; !limit.signal.aborted && performance.now() < until; attempt += 1) {
    try {
      await cluster.createJob(manifest);
      return { kind: 'placed' };
    } catch (error) {
      if (!(error instanceof ClusterError)) throw error;
      last = error.message;
      if (error.status === 409) {
        const found = await cluster.getJob(name).catch(() => null);
        if (
          found?.metadata?.annotations?.[RUN_ANNOTATION] === manifest.metadata?.annotations?.[RUN_ANNOTATION]
        )
          return { kind: 'placed' };
        if (found !== null)
          return {
            kind: 'refused',
            message: `another Job is called ${name} already. Delete it, then /retry`,
          };
      } else if (!error.transient) {
        return { kind: sent ? 'unknown' : 'refused', message: last };
      }
      // A 429 was not taken; anything else may have been.
      sent ||= error.status !== 429;
      await sleep(retryDelayMs(error, attempt), undefined, { signal: limit.signal }).catch(() => undefined);
    }
  }
  return { kind: sent ? 'unknown' : 'refused', message: last };
}
