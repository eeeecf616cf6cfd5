import { randomUUID } from 'node:crypto';
import { ACQUIRE_WAIT_MAX_SECONDS, type Offer } from '../dispatch/protocol.ts';
import {
  backoffMs,
  createRunnerClient,
  delayAfter,
  isTransient,
  pause,
  RunnerCallError,
  type RunnerClient,
} from './client.ts';
import type { Environment } from './job-environment.ts';
import type { Pods } from './kubernetes/pods.ts';
import { DirectoryLockedError } from './lock-directory.ts';
import type { OngoingRun } from './offer-context.ts';
import { isResumable } from './resumable.ts';
import type { Roots } from './roots.ts';
import type { ShellTiming } from './run-bash.ts';
import { NO_SANDBOX, type Sandbox } from './sandbox/sandbox.ts';
import { deliverAll, settleKilledRuns, type Undelivered } from './spooled-runs.ts';
import { openStateDirectory, type StateDirectory } from './state-directory.ts';
import type { SyncTiming } from './sync-run.ts';
import type { VerifyOptions } from './verify-offer.ts';
import { type Clock, SYSTEM_CLOCK, watchClock } from './watch-clock.ts';

export interface ResidentOptions {
  /** As checked by checkUrl(). */
  url: string;
  token: string;
  name: string;
  labels: readonly string[];
  capabilities: readonly string[];
  version: string;
  roots: Roots;
  stateDirectory: string;
  /** Probed. Default: none. */
  sandbox?: Sandbox;
  /** As in CodexOptions. */
  codexConfig?: readonly string[];
  /** Runs are pods of a cluster, and what one proves are the capabilities. Default: processes of this machine. */
  pods?: Pods;
  /** More environment names to pass on to jobs. */
  passOn?: readonly string[];
  /** Take one run, or none after some waiting, then end: for a machine that is there for one job. */
  once?: boolean;
  /** `--verify`: proof on GitHub before anything runs. */
  verify?: VerifyOptions | undefined;
  timing?: {
    shell?: Partial<ShellTiming>;
    sync?: Partial<SyncTiming>;
    /** Seconds an acquire waits at the app; 25. */
    acquireSeconds?: number;
    /** Between two tries of a pod; 60,000 ms. */
    probeMs?: number;
    /** How long a stopping runner tries to deliver; 10,000 ms. What is left is delivered at the next start. */
    farewellMs?: number;
  };
}

export interface ResidentDeps {
  environment: Environment;
  /** One line for the journal. */
  say: (text: string) => void;
  /** Aborted by the first SIGTERM or SIGINT: finish the job at hand, take no other. */
  drain: AbortSignal;
  /** Aborted by the second: cancel the job at hand. */
  cancel: AbortSignal;
  clock?: Clock;
}

/** Why the runner ended. `code` is the process's exit code. */
export interface ExitReason {
  reason: 'drained' | 'cancelled' | 'locked' | 'unauthorized' | 'replaced' | 'not_accepted';
  code: 0 | 1;
  message: string;
}

/**
 * The resident runner: delivers what an earlier process left, then takes one run after another until it is
 * told to stop. It ends by itself only when going on cannot help: the token is not accepted, another runner
 * has its name or its state directory.
 */
export async function runResident(options: ResidentOptions, deps: ResidentDeps): Promise<ExitReason> {
  let state: StateDirectory;
  try {
    state = openStateDirectory(options.stateDirectory);
  } catch (error) {
    if (error instanceof DirectoryLockedError) return { reason: 'locked', code: 1, message: error.message };
    throw error;
  }
  const client = createRunnerClient({ url: options.url, token: options.token });
  const resident = { options, deps, state, client, process: randomUUID() };
  try {
    const graceMs = options.timing?.shell?.graceMs ?? 10_000;
    await settleKilledRuns(state, graceMs, deps.say, (run) => isResumable(run, options.pods));
    return await takeRuns(resident);
  } finally {
    state.close();
  }
}

/** How often a runner with `once` asks in vain, 25 s each: the app may yet have to hear of the merge. */
const ONCE_ASKS = 5;

interface Resident {
  options: ResidentOptions;
  deps: ResidentDeps;
  state: StateDirectory;
  client: RunnerClient;
  process: string;
}

async function takeRuns(resident: Resident): Promise<ExitReason> {
  const { options, deps, state } = resident;
  const drained = new AbortController();
  const stop = AbortSignal.any([deps.drain, drained.signal]);
  const known = new Map<string, Undelivered>();
  let ongoing: OngoingRun | null = null;
  let asking = new AbortController();
  const unwatch = watchClock((ms) => {
    deps.say(`the clock jumped by ${Math.round(ms / 1000)} s: the machine slept; asking the app first`);
    asking.abort('slept');
    ongoing?.wake();
  }, deps.clock ?? SYSTEM_CLOCK);

  try {
    deps.say(`runner ${options.name} ready: labels ${options.labels.join(', ')}; state in ${state.path}`);
    for (const run of state.list().filter((one) => isResumable(one, options.pods))) {
      const { resumeRun } = await import('./resume-run.ts');
      const offset = await resumeRun(
        run,
        offerContext(resident, () => drained.abort()),
        (going) => {
          ongoing = going;
        },
      );
      ongoing = null;
      known.set(run.offer.run, { offset, why: null });
    }
    if (options.pods) await provePods(resident, options.pods, stop);
    let empty = 0;
    for (let failures = 0; !stop.aborted; ) {
      const pending = await deliverAll({ ...resident, say: deps.say }, known, deps.cancel);
      asking = new AbortController();
      const signal = AbortSignal.any([stop, asking.signal]);
      // While something waits to be delivered, come back to it soon.
      const wait = Math.min(options.timing?.acquireSeconds ?? ACQUIRE_WAIT_MAX_SECONDS, pending > 0 ? 2 : 25);
      let offer: Offer | null;
      const asked = performance.now();
      try {
        offer = await acquire(resident, wait, signal);
        if (failures > 0) deps.say('the app answers again');
        failures = 0;
      } catch (error) {
        if (signal.aborted) continue;
        const end = reasonToEnd(error);
        if (end !== null) {
          // A result may still be taken, by its offer: an app that has lost its data knows no token any more.
          if (pending > 0) await farewell(resident, known);
          return end;
        }
        failures += 1;
        if (failures === 1) deps.say(`${error instanceof Error ? error.message : error}; trying again`);
        await pause(delayAfter(error, failures), signal).catch(() => undefined);
        continue;
      }
      if (offer === null) {
        empty += 1;
        if (options.once && empty >= ONCE_ASKS) break;
        // An app (or a proxy before it) that does not hold the call must not be asked in a circle.
        if (performance.now() - asked < 200) await pause(1000, signal).catch(() => undefined);
        continue;
      }
      // Reading and running jobs is loaded with the first one: a runner that waits stays small.
      const { runOffer } = await import('./run-offer.ts');
      const context = offerContext(resident, () => drained.abort());
      const offset = await runOffer(offer, context, (run) => {
        ongoing = run;
      });
      ongoing = null;
      if (offset !== null) known.set(offer.run, { offset, why: null });
      if (options.once) break;
    }
    return await farewell(resident, known);
  } finally {
    unwatch();
  }
}

/** Until a pod has run: a runner whose pods cannot run is not there for anybody. */
async function provePods(resident: Resident, pods: Pods, stop: AbortSignal): Promise<void> {
  const { options, deps } = resident;
  const { probePods } = await import('./kubernetes/probe-pods.ts');
  for (let attempt = 1; !stop.aborted; attempt += 1) {
    const probe = await probePods(pods, {
      id: `probe-${resident.process}-${attempt}`,
      roots: options.roots,
      environment: deps.environment,
      signal: stop,
      say: deps.say,
    });
    if (probe.ok) {
      deps.say(`its pods have proved ${probe.capabilities.join(', ')}`);
      resident.options = { ...options, capabilities: probe.capabilities };
      return;
    }
    if (!stop.aborted) deps.say(`no jobs are taken, since its pods do not run: ${probe.why}; trying again`);
    await pause(options.timing?.probeMs ?? 60_000, stop).catch(() => undefined);
  }
}

function offerContext(resident: Resident, onDrain: () => void) {
  const { options, deps } = resident;
  return {
    client: resident.client,
    state: resident.state,
    process: resident.process,
    labels: options.labels,
    capabilities: options.capabilities,
    roots: options.roots,
    environment: deps.environment,
    passOn: options.passOn ?? [],
    hide: [options.token, ...(options.verify ? [options.verify.token] : [])],
    verify: options.verify,
    sandbox: options.sandbox ?? NO_SANDBOX,
    codexConfig: options.codexConfig ?? [],
    pods: options.pods,
    shell: options.timing?.shell ?? {},
    sync: options.timing?.sync ?? {},
    cancel: deps.cancel,
    onDrain,
    say: deps.say,
  };
}

function acquire(resident: Resident, wait: number, signal: AbortSignal): Promise<Offer | null> {
  const { name, labels, capabilities, version } = resident.options;
  return resident.client.acquire(
    { name, process: resident.process, labels: [...labels], capabilities: [...capabilities], version, wait },
    signal,
  );
}

async function farewell(resident: Resident, known: Map<string, Undelivered>): Promise<ExitReason> {
  const limit = AbortSignal.timeout(resident.options.timing?.farewellMs ?? 10_000);
  let left = await deliverAll({ ...resident, say: resident.deps.say }, known, limit);
  for (let attempt = 1; left > 0 && !limit.aborted; attempt += 1) {
    await pause(backoffMs(attempt), limit).catch(() => undefined);
    left = await deliverAll({ ...resident, say: resident.deps.say }, known, limit);
  }
  const kept = left > 0 ? `; ${left} result(s) will be delivered at the next start` : '';
  if (resident.deps.cancel.aborted)
    return { reason: 'cancelled', code: 1, message: `stopped at once${kept}` };
  return { reason: 'drained', code: 0, message: `stopped${kept}` };
}

/** What waiting cannot mend. */
function reasonToEnd(error: unknown): ExitReason | null {
  if (!(error instanceof RunnerCallError) || isTransient(error)) return null;
  const { code, status, message } = error;
  if (code === 'unauthorized' || code === 'forbidden') {
    return {
      reason: 'unauthorized',
      code: 1,
      message:
        `the app does not accept this runner's token (GURUGURU_RUNNER_TOKEN): ${message}. ` +
        'Make one on the app with: guruguru token create NAME --repo owner/name',
    };
  }
  if (code === 'stale_fence') {
    return {
      reason: 'replaced',
      code: 1,
      message: `another runner process took this name (GURUGURU_RUNNER_NAME): ${message}`,
    };
  }
  return {
    reason: 'not_accepted',
    code: 1,
    message: `the app does not accept this runner (${status}): ${message}`,
  };
}

/** SIGTERM and SIGINT as the two signals above. */
export function trapSignals(say: (text: string) => void): {
  drain: AbortSignal;
  cancel: AbortSignal;
  release: () => void;
} {
  const drain = new AbortController();
  const cancel = new AbortController();
  const take = (name: NodeJS.Signals) => {
    if (!drain.signal.aborted) {
      say(`${name}: finishing the job at hand, taking no other; once more cancels it`);
      drain.abort('drain');
    } else {
      say(`${name}: cancelling`);
      cancel.abort(`cancelled: the runner was stopped (${name})`);
    }
  };
  process.on('SIGTERM', take);
  process.on('SIGINT', take);
  const release = () => {
    process.off('SIGTERM', take);
    process.off('SIGINT', take);
  };
  return { drain: drain.signal, cancel: cancel.signal, release };
}
