import type { V1ContainerStatus, V1Job, V1Pod } from '@kubernetes/client-node';
import { CONTAINER } from './job-manifest.ts';

/** What the cluster says of a run: its Job and its pods, null or none when they are gone. */
export interface Seen {
  job: V1Job | null;
  pods: readonly V1Pod[];
}

/**
 * `waiting`: not running yet, and why. `hopeless`: it will not run, and nothing of it has. `ended`: the container
 * is over; `why` when it was not the job that ended it. `gone`: the pod is over without a container's end.
 */
export type PodState =
  | { kind: 'waiting'; why: string }
  | { kind: 'running'; pod: string }
  | { kind: 'hopeless'; why: string }
  | { kind: 'ended'; pod: string; exitCode: number; oomKilled: boolean; why: string | null }
  | { kind: 'gone'; why: string };

/** A first failure to pull may pass; these come after it, or cannot pass by themselves. */
const HOPELESS: Record<string, string> = {
  ImagePullBackOff: 'the image cannot be pulled',
  ErrImageNeverPull: 'the image is not on the node, and may not be pulled',
  InvalidImageName: 'the image has no valid name',
  CreateContainerConfigError: 'the container cannot be set up',
  CreateContainerError: 'the container cannot be made',
  RunContainerError: 'the container cannot be started',
};

/** Pure: where a run stands. `before`: the pod that was seen running, if one was. */
export function judgePod(seen: Seen, before: string | null): PodState {
  const pod = before === null ? oldest(seen.pods) : seen.pods.find((one) => one.metadata?.name === before);
  if (pod === undefined) return withoutPod(seen.job, before);
  const name = pod.metadata?.name ?? '';
  const status = pod.status?.containerStatuses?.find((one) => one.name === CONTAINER);
  const over = status?.state?.terminated;
  const disturbed = disturbance(pod, seen.job);
  if (over) {
    if (over.reason === 'StartError' || over.reason === 'ContainerCannotRun')
      return { kind: 'hopeless', why: `the container cannot be started (${over.message ?? over.reason})` };
    const oomKilled = over.reason === 'OOMKilled';
    return { kind: 'ended', pod: name, exitCode: over.exitCode, oomKilled, why: disturbed };
  }
  if (pod.status?.phase === 'Failed' || pod.status?.phase === 'Succeeded')
    return { kind: 'gone', why: disturbed ?? 'the pod ended, and does not say how its container did' };
  if (status?.state?.running) return { kind: 'running', pod: name };
  return notRunning(pod, status);
}

function notRunning(pod: V1Pod, status: V1ContainerStatus | undefined): PodState {
  const waiting = status?.state?.waiting;
  const hopeless = HOPELESS[waiting?.reason ?? ''];
  if (waiting && hopeless !== undefined) {
    const said = waiting.message === undefined ? '' : `: ${waiting.message}`;
    return { kind: 'hopeless', why: `${hopeless} (${waiting.reason}${said})` };
  }
  const place = pod.status?.conditions?.find((one) => one.type === 'PodScheduled' && one.status === 'False');
  if (place)
    return { kind: 'waiting', why: `no node has room (${place.message ?? place.reason ?? 'Pending'})` };
  return { kind: 'waiting', why: waiting?.reason ?? pod.status?.phase ?? 'Pending' };
}

function withoutPod(job: V1Job | null, before: string | null): PodState {
  const failed = jobFailure(job);
  if (before !== null) return { kind: 'gone', why: failed ?? 'its pod was deleted' };
  if (job === null) return { kind: 'gone', why: 'its Job was deleted' };
  if (failed !== null) return { kind: 'gone', why: failed };
  return { kind: 'waiting', why: 'the cluster has made no pod yet' };
}

/** Why a container was ended by something else than its job. */
function disturbance(pod: V1Pod, job: V1Job | null): string | null {
  if (pod.status?.reason === 'Evicted')
    return `its pod was evicted (${pod.status.message ?? 'no reason given'})`;
  const target = pod.status?.conditions?.find(
    (one) => one.type === 'DisruptionTarget' && one.status === 'True',
  );
  if (target) return `its pod was taken away (${[target.reason, target.message].filter(Boolean).join(': ')})`;
  const late = deadline(job);
  if (late !== null) return late;
  if (pod.metadata?.deletionTimestamp) return 'its pod was deleted';
  return null;
}

function jobFailure(job: V1Job | null): string | null {
  const failed = job?.status?.conditions?.find((one) => one.type === 'Failed' && one.status === 'True');
  if (failed === undefined) return null;
  return deadline(job) ?? `its Job failed (${[failed.reason, failed.message].filter(Boolean).join(': ')})`;
}

function deadline(job: V1Job | null): string | null {
  const failed = job?.status?.conditions?.find((one) => one.type === 'Failed' && one.status === 'True');
  return failed?.reason === 'DeadlineExceeded'
    ? `its Job ran into activeDeadlineSeconds (${job?.spec?.activeDeadlineSeconds})`
    : null;
}

function oldest(pods: readonly V1Pod[]): V1Pod | undefined {
  const age = (pod: V1Pod) => String(pod.metadata?.creationTimestamp ?? '');
  return [...pods].sort((a, b) => (age(a) < age(b) ? -1 : 1))[0];
}
