import { chmod, mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { shiftClock, skewClock } from '../chaos/support/skewed-clock.ts';
import type { TestApp } from '../test/support/app.ts';
import { type CliProcess, startCli } from '../test/support/cli-process.ts';
import { cloneOf } from '../test/support/clone-of.ts';
import { fakeCodex } from '../test/support/fake-codex.ts';
import type { Pull } from '../test/support/github/person.ts';
import { CODEX_ASK, GOAL, MORNING_ASK, storyReplies } from './morning-answers.ts';
import { createScreen, type Screen } from './screen.ts';

const STEP_MS = 20_000;
const DAY_MS = 86_400_000;
/** Japan keeps this the whole year. */
const TOKYO_AHEAD_MS = 9 * 3_600_000;
const SERVICE = 'ksvc.json';
const MORNINGS = ['True', 'False', 'True'] as const;
const FILES = { 'README.md': '# hello\n\nA small service.\n', 'smoke.txt': '2 passed, 1 skipped\n' };
const NOTIFIED_BY = 'guruguru:schedule';

/** The workspace of one runner and what stands in for the cluster and the agent. */
interface Desk {
  folder: string;
  workspace: string;
  path: string;
}

interface Told {
  schedules: number;
  ticks: number;
  notifications: number;
  goals: number;
  goal_approvals: number;
  goal_jobs: number;
  codex_pulls: number;
  ledgers: number;
}
const WANTED: Told = {
  schedules: 1,
  ticks: 3,
  notifications: 2,
  goals: 1,
  goal_approvals: 1,
  goal_jobs: 2,
  codex_pulls: 1,
  ledgers: 1,
};

/**
 * Plays a few days in the life of a maintainer: a Japanese ask that becomes a schedule, three mornings, a goal, an
 * agent's change and the month's ledger. Time is the only thing that is made up. Resolves to the exit code.
 */
export async function playMorning({ json }: { json: boolean }): Promise<number> {
  const screen = createScreen(json ? process.stderr : process.stdout);
  screen.title('guruguru demo: three mornings, a goal, an agent and what it costs');
  screen.note(
    "GitHub is emulated and the model's answers were written by hand; kubectl and codex are stand-ins that print what the" +
      ' story needs; app, runner and shell are real. The days pass because the clock of the app is set ahead.',
  );
  skewClock();
  // Only now: what is loaded takes the clock as it finds it.
  const { startTestApp } = await import('../test/support/app.ts');
  const folder = await realpath(await mkdtemp(join(tmpdir(), 'guruguru-morning-')));
  const desk = await setDesk(folder);
  const t = await startTestApp({ model: { replies: storyReplies() } });
  let runner: CliProcess | undefined;
  try {
    await t.github.as('octo').push('main', { ...FILES, '.github/guruguru.yml': settings(desk) }, 'Begin');
    await cloneOf(t.github.read, desk.workspace);
    await t.settle();
    screen.step('app is up', t.app().url);
    runner = await startRunner(t, desk);
    screen.step('runner devbox is up', `workspace ${desk.workspace}`);

    await playSchedule(t, screen);
    await playMornings(t, screen, desk);
    await playGoal(t, screen);
    await playAgent(t, screen);
    await playLedger(t, screen);

    const told = await count(t);
    const ok = Object.entries(WANTED).every(([what, number]) => told[what as keyof Told] === number);
    screen.title(
      ok
        ? 'Two approvals, two notifications; the rest went round by itself.'
        : 'Something did not end as expected.',
    );
    screen.note(`${screen.seconds().toFixed(1)} s in all`);
    if (json) console.log(JSON.stringify({ story: 'morning', ok, seconds: screen.seconds(), ...told }));
    return ok ? 0 : 1;
  } catch (error) {
    for (const line of t.log) screen.note(`the app warned: ${line}`);
    throw error;
  } finally {
    runner?.kill('SIGKILL');
    await runner?.exited;
    await t.close();
    await rm(folder, { recursive: true, force: true });
  }
}

async function setDesk(folder: string): Promise<Desk> {
  const kubectl = `#!/usr/bin/env bash\ncase "$*" in *"get ksvc"*) cat ${join(folder, SERVICE)} ;; *) echo '{}' ;; esac\n`;
  const bin = join(folder, 'bin');
  await mkdir(bin);
  await writeFile(join(bin, 'kubectl'), kubectl);
  await chmod(join(bin, 'kubectl'), 0o755);
  return {
    folder,
    workspace: join(folder, 'hello'),
    path: fakeCodex(folder, `${bin}:${process.env.PATH ?? ''}`),
  };
}

function settings({ workspace }: Desk): string {
  return [
    'time_zone: Asia/Tokyo',
    'policy: solo',
    'defaults:',
    `  workdir: ${workspace}`,
    'costs:',
    '  - { name: gke, per_day: 800, currency: JPY }',
    '',
  ].join('\n');
}

async function startRunner(t: TestApp, desk: Desk): Promise<CliProcess> {
  const { createToken } = await import('../src/store/tokens.ts');
  const { store } = t.app();
  const { token } = await store.write((tx) => createToken(tx, 'devbox', ['octo/hello'], Date.now()));
  const runner = startCli(['runner'], {
    cwd: desk.folder,
    env: {
      PATH: desk.path,
      GURUGURU_URL: t.app().url,
      GURUGURU_RUNNER_TOKEN: token,
      GURUGURU_RUNNER_NAME: 'devbox',
      GURUGURU_RUNNER_LABELS: 'devbox',
      GURUGURU_WORKDIR_ROOTS: desk.folder,
      GURUGURU_RUNNER_STATE_DIR: join(desk.folder, 'runner'),
    },
  });
  await runner.line(/ready/);
  return runner;
}

async function playSchedule(t: TestApp, screen: Screen): Promise<void> {
  screen.title('1. Something for every morning, asked in Japanese');
  const { pull } = await askFor(t, screen, `/ask ${MORNING_ASK}`);
  await approve(t, screen, pull);
}

async function playMornings(t: TestApp, screen: Screen, desk: Desk): Promise<void> {
  screen.title('2. Three mornings at seven: READY, not READY, READY');
  for (const [index, ready] of MORNINGS.entries()) {
    const before = await notifications(t);
    await writeFile(join(desk.folder, SERVICE), service(ready, Date.now()));
    const at = nextTokyo(7);
    setClock(t, at + 1_000);
    await until('the morning’s tick', async () => (await ticks(t)) > index);
    await t.settle();
    const said = (await notifications(t)) - before;
    screen.step(
      `${new Date(at + TOKYO_AHEAD_MS).toISOString().slice(0, 10)} 07:00`,
      `READY=${ready}; ${said === 0 ? 'nothing to say' : 'one notification'}`,
    );
  }
  const [issue] = await scheduleIssues(t);
  screen.said('guruguru', `issue #${issue?.number}: ${issue?.title} (${issue?.state})`);
}

async function playGoal(t: TestApp, screen: Screen): Promise<void> {
  screen.title('3. A goal, approved once');
  const { issue, pull } = await askFor(t, screen, `/goal ${GOAL}`);
  await approve(t, screen, pull);
  screen.said('guruguru', await finalReply(t, issue));
}

async function playAgent(t: TestApp, screen: Screen): Promise<void> {
  screen.title('4. A brief for the agent, pasted from elsewhere');
  const issue = await t.github.as('octo').openIssue({ title: 'The README needs a usage section' });
  screen.said('octo', `/ask ${CODEX_ASK}`);
  await t.github.as('octo').comment(issue, `/ask ${CODEX_ASK}`);
  screen.said('guruguru', await finalReply(t, issue));
}

async function playLedger(t: TestApp, screen: Screen): Promise<void> {
  screen.title('5. The next night: what the month has cost');
  setClock(t, nextTokyo(0) + 10 * 60_000);
  const [path = ''] = await ledgers(t);
  const text = await until('the ledger', async () => {
    const now = (await t.github.read.file(path)) ?? '';
    return now.includes('## Goals') && now;
  });
  screen.said(path, text);
}

async function askFor(t: TestApp, screen: Screen, text: string): Promise<{ issue: number; pull: Pull }> {
  const known = new Set((await t.github.read.pulls()).map(({ number }) => number));
  const issue = await t.github.as('octo').openIssue({ title: text.slice(0, 60) });
  screen.said('octo', text);
  await t.github.as('octo').comment(issue, text);
  const pull = await until('the PR', async () =>
    (await t.github.read.pulls('open')).find(({ number }) => !known.has(number)),
  );
  await t.settle();
  screen.step(`PR #${pull.number}`, pull.title);
  return { issue, pull };
}

async function approve(t: TestApp, screen: Screen, { number }: Pull): Promise<void> {
  await t.github.as('octo').review(number, { event: 'APPROVE' });
  screen.step('octo approves it', 'the only thing a person does');
  await until('the merge', async () => (await t.github.read.pull(number)).merged);
  await t.settle();
}

async function finalReply(t: TestApp, issue: number): Promise<string> {
  const [reply] = await until('the final reply', async () => {
    const found = await t.marked(issue, 'final');
    return found.length > 0 ? found : undefined;
  });
  await t.settle();
  return (reply?.body ?? '').replace(/<!--[\s\S]*?-->/g, '').trim();
}

/** Looks again and again: what the rows say makes no sound. Real time, whatever the clock says. */
async function until<T>(what: string, look: () => Promise<T | undefined | null | false>): Promise<T> {
  const patience = performance.now() + STEP_MS;
  while (performance.now() < patience) {
    const found = await look();
    if (found) return found;
    await delay(25);
  }
  throw new Error(`waited ${STEP_MS / 1_000} s in vain for ${what}`);
}

/** When it is that hour in Tokyo the next time, in ms. */
function nextTokyo(hour: number): number {
  const local = Date.now() + TOKYO_AHEAD_MS;
  const today = Math.floor(local / DAY_MS) * DAY_MS + hour * 3_600_000;
  return (today > local ? today : today + DAY_MS) - TOKYO_AHEAD_MS;
}

let shift = 0;
/** The emulated GitHub lives in this process too, so both keep the same time. */
function setClock(t: TestApp, to: number): void {
  shift += to - Date.now();
  shiftClock(shift);
  t.app().worker()?.wake();
}

/** As `kubectl get ksvc hello --output json` prints it, as far as it is asked for. */
function service(ready: 'True' | 'False', at: number): string {
  const condition = { type: 'Ready', status: ready, lastTransitionTime: new Date(at).toISOString() };
  return JSON.stringify({
    apiVersion: 'serving.knative.dev/v1',
    kind: 'Service',
    metadata: { name: 'hello' },
    status: { conditions: [condition], url: 'http://hello.default.example.com' },
  });
}

async function scheduleIssues(t: TestApp) {
  const issues = [];
  for (const number of Array.from({ length: 40 }, (_, n) => n + 1)) {
    const issue = await t.github.read.issue(number).catch(() => null);
    if (issue && !issue.pull_request && String(issue.body).includes(NOTIFIED_BY)) issues.push(issue);
  }
  return issues;
}

/** An issue that was opened, and each comment on it: what reaches a person's inbox. */
async function notifications(t: TestApp): Promise<number> {
  let all = 0;
  for (const { number } of await scheduleIssues(t)) all += 1 + (await t.said(Number(number))).length;
  return all;
}

const ledgers = async (t: TestApp) =>
  (await t.github.read.tree()).filter((path) => /^reports\/costs\/\d{4}-\d\d\.md$/.test(path));

async function ticks(t: TestApp): Promise<number> {
  const done = await t.app().store.db.selectFrom('jobs').select(['id', 'verdict']).execute();
  return done.filter(({ id, verdict }) => id.includes('@') && verdict !== null).length;
}

/** Read off GitHub and the rows, not off the story. */
async function count(t: TestApp): Promise<Told> {
  const pulls = await t.github.read.pulls();
  const merged = pulls.filter((pull) => pull.merged);
  const { db } = t.app().store;
  const goals = await db.selectFrom('goals').select('state').execute();
  const tree = await t.github.read.tree();
  const goalPulls = merged.filter(({ title }) => /\bgoal\b/.test(title));
  const reviews = await Promise.all(goalPulls.map(({ number }) => t.github.read.reviews(number)));
  const steps = await goalSteps(t, tree);
  return {
    schedules: tree.filter((path) => path.startsWith('jobs/schedules/')).length,
    ticks: await ticks(t),
    notifications: await notifications(t),
    goals: goals.filter(({ state }) => state === 'reached').length,
    goal_approvals: reviews.flat().length,
    goal_jobs: steps,
    codex_pulls: pulls.filter(({ head }) => head.ref.startsWith('guruguru/job-')).length,
    ledgers: (await ledgers(t)).length,
  };
}

async function goalSteps(t: TestApp, tree: readonly string[]): Promise<number> {
  const path = tree.find((one) => /^reports\/goals\/.*\.json$/.test(one));
  const text = path ? await t.github.read.file(path) : null;
  const { steps = [] } = JSON.parse(text ?? '{}') as { steps?: unknown[] };
  return steps.length;
}
