import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Offer } from '../../src/dispatch/protocol.ts';
import {
  type WatchedAsk,
  WRITES,
  type WriteName,
  type WriteWatch,
  watchWrites,
} from '../support/github/write-watch.ts';
import { leftBy, nothingDue, once } from '../support/left-by.ts';
import { type Loop, startLoop } from '../support/loop.ts';
import { type ModelReply, type ModelRequest, type ModelServer, startModel } from '../support/model.ts';
import { jobAnswer } from '../support/model-replies.ts';
import { patiently } from '../support/patiently.ts';
import { createScriptedRunner } from '../support/scripted-runner.ts';

/** One ask, and where the app dies on its way. */
interface Case {
  mark: string;
  name: string;
  dies: WriteName | 'model call' | 'model repair';
}

interface Round {
  loop: Loop;
  watch: WriteWatch;
  asks: Map<string, WatchedAsk>;
  /** Offers started, by job. */
  started: Map<string, Offer[]>;
  model: ModelServer | null;
}

const REACH_MS = 60_000;
const END_MS = 60_000;

function casesOf(names: readonly Case['dies'][]): Case[] {
  return names.map((dies, index) => ({
    dies,
    name: dies,
    mark: `mark-${String(index + 1).padStart(2, '0')}`,
  }));
}

/** Brings every ask to the place where the app dies, kills it once for all, and lets a new one go on. */
async function playRound(cases: readonly Case[], when: 'before' | 'landed', prose: boolean): Promise<Round> {
  const model = prose ? await startModel({ otherwise: answers(cases) }) : null;
  const loop = await startLoop(model ? { model: { url: model.url } } : {});
  const { github } = loop;
  const watch = watchWrites(github);
  const token = await loop.createToken('fleet', 'octo/hello');
  github.webhooks.hold();
  const asks = new Map<string, WatchedAsk>();
  const reached: Promise<unknown>[] = [];
  for (const { mark, dies } of cases) {
    const thread = await github.as('octo').openIssue({ title: mark });
    const text = prose ? `/ask please say ${mark}` : `/ask\n\`\`\`sh\necho ${mark}\n\`\`\``;
    const { id: comment } = await github.as('octo').comment(thread, text);
    const ask = { mark, comment, thread };
    watch.watch(ask);
    asks.set(mark, ask);
    if (dies === 'model call') reached.push(modelAsked(model, mark, 1));
    else if (dies === 'model repair') reached.push(modelAsked(model, mark, 2));
    else reached.push(watch.hold(mark, dies, when));
  }
  github.webhooks.release();

  const approved = new Set<string>();
  const approve = async (mark: string) => {
    await watch.seen(mark, 'job PR');
    const pull = watch.pullOf(mark);
    if (!pull || approved.has(mark)) return;
    approved.add(mark);
    await github.as('octo').review(pull, { event: 'APPROVE' });
  };
  const started = new Map<string, Offer[]>();
  const work = cases.map(({ mark }) => runOne(loop, watch, token, mark, started));
  const late = prose ? cases.filter(({ dies }) => !comesAfterMerge(dies)) : [];
  if (prose) for (const found of cases) if (!late.includes(found)) reached.push(approve(found.mark));
  await within(Promise.all(reached), REACH_MS, () => `the app came to ${describeCounts(cases, watch)}`);

  loop.app().kill('SIGKILL');
  expect(await loop.app().exited).toBe('SIGKILL');
  watch.cut();
  await loop.startApp();

  await within(Promise.all(late.map(({ mark }) => approve(mark))), END_MS, () =>
    describeCounts(cases, watch),
  );
  await within(Promise.all(work), END_MS, () => describeCounts(cases, watch));
  await nothingDue(loop, END_MS);
  return { loop, watch, asks, started, model };
}

/** The merge and what follows needs the approval before the app dies. */
function comesAfterMerge(dies: Case['dies']): boolean {
  const at = (WRITES as readonly string[]).indexOf(dies);
  return at >= WRITES.indexOf('merge');
}

function answers(cases: readonly Case[]): (request: ModelRequest) => ModelReply {
  const asked = new Map<string, number>();
  return (request) => {
    const mark = markIn(request) ?? '';
    const number = (asked.get(mark) ?? 0) + 1;
    asked.set(mark, number);
    const dies = cases.find((found) => found.mark === mark)?.dies;
    if (dies === 'model call' && number === 1) return { hang: true };
    if (dies === 'model repair' && number === 1) return { text: 'not JSON' };
    if (dies === 'model repair' && number === 2) return { hang: true };
    return { text: jobAnswer({ title: mark, script: [`echo ${mark}`] }) };
  };
}

const markIn = (request: ModelRequest) => /mark-\d\d/.exec(request.ask)?.[0];

async function modelAsked(model: ModelServer | null, mark: string, times: number): Promise<void> {
  await vi.waitFor(() => expect(requestsFor(model, mark)).toBeGreaterThanOrEqual(times), {
    timeout: REACH_MS,
    interval: 20,
  });
}

const requestsFor = (model: ModelServer | null, mark: string) =>
  model?.requests.filter((request) => markIn(request) === mark).length ?? 0;

/** A resident runner as the wire sees it: one job, calls repeated while the app is away. */
async function runOne(
  loop: Loop,
  watch: WriteWatch,
  token: string,
  number: string,
  started: Map<string, Offer[]>,
): Promise<void> {
  const runner = createScriptedRunner({ url: loop.appUrl(), token, name: `runner-${number}` });
  const offer = await patiently(async () => {
    const found = await runner.acquire(20);
    if (!found) throw new Error('nothing to do yet');
    return found;
  }, END_MS);
  started.set(offer.job_id, [...(started.get(offer.job_id) ?? []), offer]);
  const [mark = ''] = /mark-\d\d/.exec(offer.file) ?? [];
  // Else the check run may be made as running at once, and there is no edit to die at.
  await watch.seen(mark, 'job check queued');
  await patiently(() => runner.start(offer));
  await watch.seen(mark, 'job check running');
  await patiently(() => runner.finish(offer, { output: [`said ${mark}`] }));
}

async function within<T>(promise: Promise<T>, ms: number, what: () => string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not within ${ms} ms: ${what()}`)), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

function describeCounts(cases: readonly Case[], watch: WriteWatch): string {
  return cases
    .map(
      ({ mark, name }) =>
        `\n${mark} (${name}): ${WRITES.filter((write) => watch.count(mark, write) > 0).join(', ')}`,
    )
    .join('');
}

const CASES = {
  landed: casesOf([...WRITES, 'model call', 'model repair']),
  before: casesOf(WRITES),
};
type When = keyof typeof CASES;

/** Commits on one branch take turns, so of asks that die in the middle of one there is one to a round. */
const ALONE: readonly Case['dies'][] = ['report tree', 'report commit', 'report branch'];
const roundName = (when: When, dies: Case['dies']) => `${when} ${ALONE.includes(dies) ? dies : 'others'}`;
const rounds = new Map<string, Round>();

async function playRounds(names: readonly string[]): Promise<void> {
  const played = await Promise.allSettled(
    names.map(async (name) => {
      const when: When = name.startsWith('landed') ? 'landed' : 'before';
      const cases = CASES[when].filter(({ dies }) => roundName(when, dies) === name);
      rounds.set(name, await playRound(cases, when, when === 'landed'));
    }),
  );
  for (const round of played) if (round.status === 'rejected') throw round.reason;
}

beforeAll(async () => {
  // They spend most of their time waiting: for one another's processes to start, and for edits to be due.
  await playRounds(['landed others', 'before others']);
  for (const dies of ALONE) await playRounds([`landed ${dies}`, `before ${dies}`]);
}, 240_000);
afterAll(async () => {
  for (const round of rounds.values()) {
    await round.loop.close();
    await round.model?.close();
  }
});

describe.each(['landed', 'before'] as const)('the app is killed when a write has come to: %s', (when) => {
  const prose = when === 'landed';
  const roundOf = (dies: Case['dies']) =>
    rounds.get(roundName(when, dies)) ?? expect.fail('the round was not played');

  it.each(CASES[when])('$name: everything is there once', async ({ mark, dies }) => {
    const { loop, watch, asks, started, model } = roundOf(dies);
    const ask = asks.get(mark) ?? expect.fail(`no ask ${mark}`);
    const job = watch.jobOf(mark) ?? '';
    const left = await leftBy(loop, ask);
    expect(left).toMatchObject(once(loop, ask, job));
    expect(left.status).toEqual([expect.stringContaining('✅')]);
    expect(left.final).toEqual([expect.stringContaining('✅')]);
    expect(left.log).toContain(`said ${mark}`);
    expect(started.get(job)).toHaveLength(1);
    if (!prose) return;
    const calls = { 'model call': 2, 'model repair': 3 }[dies as string] ?? 1;
    expect(requestsFor(model, mark)).toBe(calls);
    expect(left.calls).toHaveLength(calls);
    expect(left.calls.at(-1)).toBe('ok');
  });

  it('sends nothing that GitHub forbids', () => {
    for (const round of rounds.values()) expect(round.loop.github.contractViolations).toEqual([]);
  });
});
