import { cancelJob } from '../../../src/dispatch/cancel.ts';
import { queueJob } from '../../../src/dispatch/queue-job.ts';
import { retryJob } from '../../../src/dispatch/retry.ts';
import { insertJob } from '../../../src/store/jobs.ts';
import { putRepository } from '../../../src/store/repositories.ts';
import { jobRow, repositoryRow } from '../store.ts';
import { type App, createApp } from './app.ts';
import { createGitHub } from './github.ts';
import { type Promises, watchPromises } from './promises.ts';
import { type Machine, startProcess } from './runner.ts';
import { createWorld, digestOf, NO_FAULTS, type World } from './world.ts';

export interface Outcome {
  seed: number;
  /** Broken promises, in the order they were seen; empty is well. */
  broken: string[];
  /** What happened, one line each. */
  trace: string[];
  /** Commits of the app's database: how much was played. */
  commits: number;
}

const MINUTE = 60_000;
/** Once nothing goes wrong any more: three silences of 15 minutes, and what lies between them. */
const DRAIN_MS = 75 * MINUTE;

/** Plays one scenario: some minutes of faults and people, then quiet until everything has ended. */
export async function playScenario(seed: number): Promise<Outcome> {
  const { world, end } = await createWorld(seed);
  const before = world.store.commits();
  try {
    await play(world);
  } catch (error) {
    world.breaks(`the simulation failed: ${error instanceof Error ? error.stack : error}`);
  } finally {
    end();
  }
  return { seed, broken: world.broken, trace: world.trace, commits: world.store.commits() - before };
}

async function play(world: World): Promise<void> {
  const { random, timeline, store } = world;
  const ids = Array.from({ length: random.whole(1, 2) }, (_, n) => `2026-01-01-00${n + 1}`);
  const idempotent = new Set(ids.filter(() => random.chance(0.3)));
  const promises = watchPromises(world, idempotent);
  const github = createGitHub(world);
  const app = watched(createApp(world, github), promises);
  const machines: Machine[] = Array.from({ length: random.whole(1, 3) }, (_, n) => ({
    name: `runner-${n + 1}`,
    disk: new Map(),
    process: null,
    cut: false,
  }));
  let processes = 0;
  const boot = (machine: Machine) => {
    processes += 1;
    startProcess(world, app, machine, promises, `process-${processes}`);
  };

  await store.write(async (tx) => {
    await putRepository(tx, repositoryRow());
    for (const id of ids) await insertJob(tx, proposed(id, idempotent.has(id)));
  });
  void app.start();
  for (const machine of machines) boot(machine);

  world.faults = {
    lost: random.pick([0, 0.02, 0.2]),
    duplicated: random.pick([0, 0.1]),
    late: random.pick([0, 0.05, 0.3]),
    appDies: random.pick([0, 0.02]),
    runnerDies: random.pick([0, 0.05]),
    cutAtStart: random.pick([0, 0, 0.2]),
    githubFails: random.pick([0, 0.2]),
  };
  const faultyUntil = random.pick([0.5, 0.5, 1, 1, 2, 2, 5, 5, 20, 60]) * MINUTE;
  const sometime = () => random.whole(0, faultyUntil);
  for (const id of ids) timeline.at(random.whole(0, 30_000), () => void approve(id));
  for (let n = random.whole(0, 4); n > 0; n -= 1)
    timeline.at(sometime(), () => void command(random.pick(['cancel', 'retry'])));
  for (let n = random.whole(0, 6); n > 0; n -= 1) timeline.at(sometime(), accident);

  async function approve(id: string): Promise<void> {
    promises.approved(id);
    await store.write((tx) => queueJob(tx, 1, id, store.now()));
    world.say(`${id} is approved`);
  }

  async function command(
    word: 'cancel' | 'retry',
    id = random.pick([ids[0] ?? '', ...ids.slice(1)]),
  ): Promise<void> {
    await store.write(async (tx) => {
      if (word === 'retry') {
        const { kind } = await retryJob(tx, 1, id, store.now());
        world.say(`/retry ${id}: ${kind}`);
        if (kind === 'queued') promises.retried(id);
        return;
      }
      const { kind } = await cancelJob(tx, 1, id, 'ada', store.now());
      world.say(`/cancel ${id}: ${kind}`);
      if (kind === 'cancelled') cancelled.push(id);
    });
    for (const one of cancelled.splice(0)) promises.cancelled(one);
  }
  const cancelled: string[] = [];

  function accident(): void {
    const machine = machines[random.whole(0, machines.length - 1)];
    if (!machine) return;
    const ms = random.pick([2_000, 30_000, 3 * MINUTE, 20 * MINUTE]);
    const kind = random.pick(['kill', 'amnesia', 'gone', 'stop', 'cut', 'clone', 'app', 'clock']);
    switch (kind) {
      case 'kill':
      case 'amnesia':
        machine.process?.kill();
        if (kind === 'amnesia') {
          world.say(`${machine.name} loses its state directory`);
          machine.disk.clear();
        }
        timeline.at(ms, () => {
          if (!machine.process && machines.includes(machine)) boot(machine);
        });
        return;
      case 'gone':
        if (machines.length === 1) return;
        machine.process?.kill();
        world.say(`${machine.name} never comes back`);
        machines.splice(machines.indexOf(machine), 1);
        return;
      case 'stop':
        machine.process?.stop(ms);
        return;
      case 'cut':
        world.say(`${machine.name} is cut off for ${ms / 1000} s`);
        machine.cut = true;
        timeline.at(ms, () => {
          machine.cut = false;
        });
        return;
      case 'clone': {
        // A copy of the machine with the same name and state directory, while the first goes on.
        world.say(`${machine.name} is cloned`);
        const clone: Machine = {
          ...machine,
          disk: new Map([...machine.disk].map(([run, one]) => [run, { ...one }])),
          process: null,
        };
        machines.push(clone);
        boot(clone);
        return;
      }
      case 'app':
        world.say(`the app is killed, for ${ms / 1000} s`);
        app.die();
        return;
      case 'clock':
        world.clockOffset += random.pick([-60, -1, 1, 60]) * MINUTE;
        world.say(`the app's clock is ${world.clockOffset / MINUTE} min ahead now`);
    }
  }

  // Somebody who cannot wait for the result of a lost job, which may still come.
  const impatient = random.chance(0.3);
  const insist = () => {
    for (const { id, state } of impatient ? store.jobs() : [])
      if (state === 'lost' && random.chance(0.5)) void command('retry', id);
    timeline.at(2 * MINUTE, insist);
  };
  timeline.at(2 * MINUTE, insist);

  // Something restarts the app when it died, as systemd does.
  const supervise = () => {
    if (!app.up()) void app.start();
    timeline.at(random.whole(1_000, 60_000), supervise);
  };
  timeline.at(1_000, supervise);

  const look = () => {
    promises.look();
    return world.broken.length > 0;
  };
  const start = timeline.now();
  await timeline.run(start + faultyUntil, look);
  if (world.broken.length > 0) return;

  world.say('all is well from here on');
  world.faults = NO_FAULTS;
  const mend = () => {
    for (const machine of machines) {
      machine.cut = false;
      if (!machine.process) boot(machine);
    }
  };
  mend();
  // One whose clone took its name has ended, perhaps with a result to deliver: somebody starts it again.
  timeline.at(20 * MINUTE, mend);
  const quiet = () =>
    promises.unfinished().length === 0 && machines.every((machine) => machine.disk.size === 0);
  await timeline.run(timeline.now() + DRAIN_MS, () => look() || quiet());
  if (world.broken.length > 0) return;
  const left = promises.unfinished();
  if (left.length > 0)
    world.breaks(`after ${DRAIN_MS / MINUTE} quiet minutes ${left.join(', ')} has not ended`);
  for (const machine of machines)
    if (machine.disk.size > 0)
      world.breaks(`${machine.name} still has ${[...machine.disk.keys()].join(', ')} to deliver`);
  if (world.broken.length === 0) promises.conclude(github.files);
}

/** Every sync call's answer is looked at. */
function watched(app: App, promises: Promises): App {
  return {
    ...app,
    async sync(run, request, client) {
      try {
        const answer = await app.sync(run, request, client);
        promises.answered(run, request);
        return answer;
      } catch (error) {
        promises.answered(run, request, error);
        throw error;
      }
    },
  };
}

function proposed(id: string, idempotent: boolean) {
  const file = JSON.stringify({
    id,
    kind: 'run_shell',
    workdir: '/work',
    script: ['true'],
    dod: 'exit_code == 0',
    report_path: `reports/jobs/${id}.out`,
    ...(idempotent ? { idempotent } : {}),
  });
  return jobRow({
    id,
    state: 'proposed',
    reason: 'planned',
    file,
    digest: digestOf(file),
    idempotent: idempotent ? 1 : 0,
    queued_at: null,
  });
}
