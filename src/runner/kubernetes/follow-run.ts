import { setTimeout as sleep } from 'node:timers/promises';
import type { Cluster } from './cluster.ts';
import { ClusterError, retryDelayMs } from './cluster-error.ts';
import type { frameRecords } from './frame-records.ts';
import { CONTAINER } from './job-manifest.ts';
import { judgePod, type PodState, type Seen } from './judge-pod.ts';
import { watchRun } from './watch-run.ts';

/** How long a log may still come once the container has ended, or the run was cancelled. */
const LOG_END_MS = 5_000;
const CANCEL_MS = 60_000;
/** How long the cluster may take to say why it stopped a container. */
const REASON_MS = 30_000;

export interface Followed {
  /** How the pod came to its end, if that was seen; the log's end alone is enough for most runs. */
  state: PodState | null;
  /** The run was given up: why. */
  gaveUp: string | null;
}

/**
 * Follows a run from its Job to its end: the pod's states by a watch, its log by a stream that is opened again as
 * often as it ends too early. A cancel deletes the Job, and the log is still read to its end.
 */
export async function followRun(options: {
  cluster: Cluster;
  name: string;
  frames: ReturnType<typeof frameRecords>;
  signal: AbortSignal;
  startSeconds: number;
  /** All of it. */
  limitSeconds: number;
  say: (text: string) => void;
}): Promise<Followed> {
  const { cluster, name, frames, signal } = options;
  const over = new AbortController();
  const look = createLook(options.say);
  const watching = watchRun({
    cluster,
    name,
    signal: over.signal,
    onSeen: look.seen,
    onTrouble: (error) => look.trouble(error.message),
  });
  const giveUp = (why: string) => look.giveUp(why);
  const timers = [
    setTimeout(() => {
      if (look.pod() === null) giveUp(`it did not run within ${options.startSeconds} s: ${look.why()}`);
    }, options.startSeconds * 1000),
    setTimeout(
      () => giveUp(`the cluster has not told its end for ${options.limitSeconds} s: ${look.why()}`),
      options.limitSeconds * 1000,
    ),
  ];
  const cancel = () => {
    timers.push(setTimeout(() => giveUp('it was cancelled, and its pod has not ended'), CANCEL_MS));
    deleteSurely(cluster, name, over.signal).catch(() => undefined);
  };
  signal.addEventListener('abort', cancel);
  if (signal.aborted) cancel();
  try {
    await look.until((state) => state.kind !== 'waiting');
    await readToEnd(options, look, frames, over.signal);
    // Who stopped it, the pod tells a moment later.
    if (frames.story.stopped === 'term' && !signal.aborted) {
      timers.push(setTimeout(() => giveUp('its container was told to stop (SIGTERM)'), REASON_MS));
      await look.until(() => look.final() !== null);
    }
    // A pod that will never run must not wait for the day when it could; a run that was given up ends here.
    if (look.final()?.kind === 'hopeless' || look.gaveUp() !== null)
      await deleteSurely(cluster, name, AbortSignal.timeout(30_000)).catch(() => undefined);
    return { state: look.final(), gaveUp: look.gaveUp() };
  } finally {
    signal.removeEventListener('abort', cancel);
    for (const timer of timers) clearTimeout(timer);
    over.abort();
    await watching;
  }
}

type Look = ReturnType<typeof createLook>;

/** What is known of the pod. Its first end is the one that counts: afterwards the pod may be gone. */
function createLook(say: (text: string) => void) {
  let pod: string | null = null;
  let state: PodState = { kind: 'waiting', why: 'the cluster was not asked yet' };
  let trouble: string | null = null;
  let gaveUp: string | null = null;
  const news: (() => void)[] = [];
  const tell = () => {
    for (const wake of news.splice(0)) wake();
  };
  const isFinal = () => state.kind === 'ended' || state.kind === 'gone' || state.kind === 'hopeless';
  return {
    seen(seen: Seen) {
      if (trouble !== null) say('the cluster answers again');
      trouble = null;
      if (isFinal()) return;
      const next = judgePod(seen, pod);
      if (next.kind === 'waiting' && (state.kind !== 'waiting' || state.why !== next.why))
        say(`its pod waits: ${next.why}`);
      if (next.kind === 'running' || next.kind === 'ended') pod = next.pod;
      state = next;
      tell();
    },
    trouble(message: string) {
      if (trouble === null) say(`${message}; the job goes on, trying again`);
      trouble = message;
    },
    giveUp(why: string) {
      gaveUp ??= why;
      tell();
    },
    gaveUp: () => gaveUp,
    pod: () => pod,
    why: () => trouble ?? ('why' in state && state.why !== null ? state.why : state.kind),
    final: (): PodState | null => (isFinal() ? state : null),
    /** Resolves when it holds, or when the run is given up. */
    async until(condition: (state: PodState) => boolean): Promise<void> {
      while (!condition(state) && gaveUp === null) await new Promise<void>((resolve) => news.push(resolve));
    },
  };
}

async function readToEnd(
  options: { cluster: Cluster; say: (text: string) => void },
  look: Look,
  frames: ReturnType<typeof frameRecords>,
  signal: AbortSignal,
): Promise<void> {
  for (let failures = 0; look.gaveUp() === null; ) {
    const pod = look.pod();
    if (pod === null) return;
    const follow = look.final() === null;
    const enough = new AbortController();
    let timer: NodeJS.Timeout | undefined;
    // The stream of a container that has ended should end; one that hangs is read anew.
    const ended = look
      .until((state) => state.kind === 'ended' || state.kind === 'gone' || state.kind === 'hopeless')
      .then(() => {
        timer = setTimeout(() => enough.abort(), look.gaveUp() === null ? LOG_END_MS : 0).unref();
      });
    ended.catch(() => undefined);
    let delay = 500;
    try {
      await options.cluster.readLog(pod, {
        container: CONTAINER,
        follow,
        signal: AbortSignal.any([signal, enough.signal]),
        take: frames.reading(),
      });
      failures = 0;
      if (!follow) return;
    } catch (error) {
      failures += 1;
      const status = error instanceof ClusterError ? error.status : null;
      if (look.final() !== null && (status === 404 || status === 400 || failures > 5)) return;
      delay = retryDelayMs(error, failures);
    } finally {
      clearTimeout(timer);
    }
    if (frames.story.complete) return;
    const wait = new AbortController();
    const stop = look.until((state) => state.kind !== 'running' && state.kind !== 'waiting');
    await Promise.race([sleep(delay, undefined, { signal: wait.signal }).catch(() => undefined), stop]);
    wait.abort();
  }
}

/** Until it is deleted: a Job that is left would run to its deadline. */
async function deleteSurely(cluster: Cluster, name: string, signal: AbortSignal): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await cluster.deleteJob(name);
    } catch (error) {
      if (signal.aborted) throw error;
      await sleep(retryDelayMs(error, attempt), undefined, { signal });
    }
  }
}
