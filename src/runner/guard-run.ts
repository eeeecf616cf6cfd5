import { signalRun } from './tagged-processes.ts';

export interface Stopped {
  outcome: 'timeout' | 'cancelled';
  message: string;
}

/** Watches over one run's processes. */
export interface RunGuard {
  /** Why they were ended; null: they were not. */
  stopped: () => Stopped | null;
  /** Their first one has ended by itself or was ended: no signal follows. */
  ended(): void;
  /** Lets go of timers and of the cancel signal. */
  release(): void;
}

/**
 * Ends a run at its deadline or when it is cancelled: SIGTERM to its process group and to all that carries its
 * tag, the grace, then SIGKILL.
 */
export function guardRun(plan: {
  runId: string;
  pid: number | null;
  /** Milliseconds. */
  timeoutMs: number;
  graceMs: number;
  signal: AbortSignal | undefined;
  /** A signal could not be sent. */
  onFailure: (cause: unknown) => void;
}): RunGuard {
  const { runId, pid, signal } = plan;
  let stopped: Stopped | null = null;
  let kill: NodeJS.Timeout | null = null;
  const stop = (outcome: Stopped['outcome'], message: string) => {
    if (stopped !== null) return;
    stopped = { outcome, message };
    signalRun(runId, pid, 'SIGTERM').catch(plan.onFailure);
    kill = setTimeout(() => signalRun(runId, pid, 'SIGKILL').catch(plan.onFailure), plan.graceMs);
  };
  const minutes = Math.round((plan.timeoutMs / 60_000) * 1000) / 1000;
  const timer = setTimeout(
    () => stop('timeout', `the job was ended after its timeout of ${minutes} minutes (timeout_minutes)`),
    plan.timeoutMs,
  );
  const cancel = () => stop('cancelled', signal === undefined ? 'cancelled' : reasonOf(signal));
  signal?.addEventListener('abort', cancel);
  if (signal?.aborted === true) cancel();
  const ended = () => {
    clearTimeout(timer);
    if (kill !== null) clearTimeout(kill);
  };
  return {
    stopped: () => stopped,
    ended,
    release() {
      clearTimeout(timer);
      signal?.removeEventListener('abort', cancel);
    },
  };
}

/** What a person reads as the reason of a cancel. */
export function reasonOf(signal: AbortSignal): string {
  return typeof signal.reason === 'string' ? signal.reason : 'cancelled';
}
