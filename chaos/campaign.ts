import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Cleanup } from '../bench/support/cleanup.ts';
import { takeCensus } from './census.ts';
import { findLeaks } from './leaks.ts';
import { unleash, type Wounds } from './nemesis.ts';
import type { ChaosOptions } from './options.ts';
import { type People, startPeople } from './people.ts';
import { judge, type Verdict } from './promises.ts';
import { createScenarios } from './scenario.ts';
import { type Stage, setStage } from './stage.ts';
import type { Child } from './support/child.ts';
import { deadline } from './support/deadline.ts';

export interface Outcome {
  verdict: Verdict;
  wounds: Wounds;
  stage: Stage;
  people: People;
  drainSeconds: number;
}

/** Asks are written in the first part of the faults' time, so that faults meet jobs to the last. */
const ASKING_SHARE = 0.9;
/** The drain ends at the latest after this; it ends when nothing moves any more. */
const DRAIN_MS = 90_000;
const DRAIN_MS_PER_ASK = 300;
/** Longer than a lease, a silence and the pause between two edits of a status comment. */
const QUIET_MS = 7_000;
const RECOVERY_MOST_MS = 30_000;
/** An item of a dead app is free after 30 s. */
const TAKE_OVER_MOST_MS = 90_000;
const KILLS_PER_ASK = 0.5;

/** Plays one campaign to its end. */
export async function playCampaign(
  cleanup: Cleanup,
  options: ChaosOptions,
  say: (line: string) => void,
): Promise<Outcome> {
  const spanMs = options.minutes * 60_000;
  const scenarios = createScenarios(options.seed, options.asks, spanMs * ASKING_SHARE);
  const stage = await setStage(cleanup, options, scenarios);
  const started = performance.now();
  const tell = (line: string) => {
    const at = `${((performance.now() - started) / 1_000).toFixed(1).padStart(6)} s`;
    appendFileSync(join(stage.folder, 'logs', 'campaign.log'), `${new Date().toISOString()} ${at} ${line}\n`);
    say(`${at} ${line}`);
  };
  const over = new AbortController();
  cleanup.defer(() => over.abort());
  const people = startPeople(stage.github, stage.seen, scenarios, stage.starts, over.signal);
  const faults = deadline(spanMs, over.signal);
  const wounds = await unleash(
    {
      apps: [stage.apps[0].child, ...stage.apps.slice(1).map(({ child }) => child)],
      runners: stage.runners,
      github: stage.faults,
      effects: () => stage.seen.effects,
      killApp: (app, downMs, onRecovered) => killApp(stage, app, downMs, onRecovered, over.signal),
    },
    { seed: options.seed, kills: options.asks * KILLS_PER_ASK, spanMs, say: tell },
    faults,
  );
  stage.heal();
  tell(`the faults are over: ${people.asked.length} asks so far, ${stage.seen.writes()} writes landed`);
  for (const { child } of [...stage.apps, ...stage.runners]) await child.start();

  const drainMs = DRAIN_MS + options.asks * DRAIN_MS_PER_ASK;
  const drained = performance.now();
  const patience = deadline(drainMs, over.signal);
  await Promise.race([people.written, aborted(patience)]);
  let verdict = await judgeWhenQuiet(stage, people, patience);
  while (verdict.violations.length > 0 && !patience.aborted) {
    await delay(2_000);
    verdict = await judgeWhenQuiet(stage, people, patience);
  }
  const drainSeconds = Math.round((performance.now() - drained) / 1_000);
  for (const line of await stage.work.stuck())
    verdict.violations.push({ kind: 'stuck', what: 'work item', seen: line });
  for (const line of verdict.violations.length > 0 ? await stage.work.waiting() : []) tell(`waits: ${line}`);
  const folders = ['logs', 'data'].map((name) => join(stage.folder, name));
  verdict.violations.push(...(await findLeaks(stage.secret, { ...stage, folders })));
  verdict.stuck = verdict.violations.filter((one) => one.kind === 'stuck').length;
  return { verdict, wounds, stage, people, drainSeconds };
}

async function judgeWhenQuiet(stage: Stage, people: People, patience: AbortSignal): Promise<Verdict> {
  while (!patience.aborted) {
    const quiet = performance.now() - stage.seen.lastWriteAt();
    const due = await stage.work.waiting();
    if (quiet >= QUIET_MS && due.length === 0) break;
    await delay(Math.max(500, Math.min(QUIET_MS - quiet, 2_000)));
  }
  return judge(people.asked, await takeCensus(stage.github, stage.starts));
}

/** Kills one app and starts it again; see docs/guarantees.md for what is measured. */
async function killApp(
  stage: Stage,
  app: Child,
  downMs: number,
  onRecovered: (ms: number) => void,
  over: AbortSignal,
): Promise<void> {
  const shared = stage.apps.length > 1;
  // One that died at a boundary is gone already; those of the last start tell who it was.
  const owners = new Set([...stage.owners, ...(await stage.work.owners())]);
  await app.kill();
  if (shared) void takenOver(stage, owners, onRecovered, over);
  await delay(downMs);
  const due = await stage.work.due();
  const writes = stage.seen.writes();
  const started = performance.now();
  while (!over.aborted && !(await app.start()));
  stage.owners = await stage.work.owners();
  if (shared || due.length === 0) return;
  while (performance.now() - started < RECOVERY_MOST_MS && !over.aborted) {
    if (stage.seen.writes() > writes) break;
    const left = new Set(await stage.work.due());
    if (due.some((item) => !left.has(item))) break;
    await delay(10);
  }
  onRecovered(performance.now() - started);
}

/** Several apps: from the death of one until another has taken all that it worked on. */
async function takenOver(
  stage: Stage,
  before: ReadonlySet<string>,
  onRecovered: (ms: number) => void,
  over: AbortSignal,
): Promise<void> {
  const killed = performance.now();
  await delay(200);
  const alive = await stage.work.owners();
  const dead = new Set([...before].filter((owner) => !alive.has(owner)));
  const orphans = await stage.work.ownedBy(dead);
  if (orphans.length === 0) return;
  while (performance.now() - killed < TAKE_OVER_MOST_MS && !over.aborted) {
    if ((await stage.work.ownedBy(dead)).length === 0) break;
    await delay(100);
  }
  onRecovered(performance.now() - killed);
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
