import { setTimeout as sleep } from 'node:timers/promises';
import type { V1Pod } from '@kubernetes/client-node';
import type { Cluster } from './cluster.ts';
import { ClusterError, retryDelayMs } from './cluster-error.ts';
import { CONTAINER, RUN_LABEL } from './job-manifest.ts';
import type { Seen } from './judge-pod.ts';

/** After so long the server ends a watch, and everything is looked at anew. */
const WATCH_SECONDS = 30;

/**
 * Tells what the cluster has of a run, at once and whenever it changes, until `signal` is aborted. A watch that
 * ends, is cut or is too old (410) begins with a new list; an API server that is busy is asked when it says.
 */
export async function watchRun(options: {
  cluster: Cluster;
  name: string;
  signal: AbortSignal;
  onSeen: (seen: Seen) => void;
  /** A call failed; it will be tried again. */
  onTrouble: (error: Error) => void;
}): Promise<void> {
  const { cluster, name, signal } = options;
  const label = `${RUN_LABEL}=${name}`;
  for (let failures = 0; !signal.aborted; ) {
    try {
      const job = await cluster.getJob(name);
      const { pods, resourceVersion } = await cluster.listPods(label);
      const known = new Map(pods.map((pod) => [pod.metadata?.name ?? '', pod]));
      const tell = () => options.onSeen({ job, pods: [...known.values()] });
      tell();
      failures = 0;
      const again = new AbortController();
      await cluster.watchPods(label, {
        resourceVersion,
        seconds: WATCH_SECONDS,
        signal: AbortSignal.any([signal, again.signal]),
        take: ({ type, pod }) => {
          if (type === 'BOOKMARK') return;
          known.set(pod.metadata?.name ?? '', pod);
          // What the last word on a pod says of its end counts; else its Job is looked at for the reason.
          if (type !== 'DELETED' || hasEnded(pod)) tell();
          if (type === 'DELETED') again.abort();
        },
      });
    } catch (error) {
      if (signal.aborted) return;
      const gone = error instanceof ClusterError && error.status === 410;
      const own =
        error instanceof ClusterError && error.cause instanceof Error && error.cause.name === 'AbortError';
      if (!gone && !own) {
        failures += 1;
        options.onTrouble(error instanceof Error ? error : new Error(String(error)));
      }
      const delay = gone || own ? 50 : retryDelayMs(error, failures);
      await sleep(delay, undefined, { signal }).catch(() => undefined);
    }
  }
}

function hasEnded(pod: V1Pod): boolean {
  const status = pod.status?.containerStatuses?.find((one) => one.name === CONTAINER);
  return status?.state?.terminated !== undefined && status.state.terminated !== null;
}
