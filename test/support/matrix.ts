import { expect } from 'vitest';
import type { TestApp } from './app.ts';
import { DEPLOY_KEY } from './github/emit.ts';
import type { Json } from './github/json.ts';
import type { Person, Pull } from './github/person.ts';

/**
 * `done`: it has its effect. `refused`: one reply of the app and nothing else. `ignored`: nothing at all.
 * `unrun`: GitHub lets it happen, and no job runs because of it. `github`: GitHub itself refuses it.
 */
export type Outcome = 'done' | 'refused' | 'ignored' | 'unrun' | 'github';

/** What somebody acts on. */
export interface Target {
  pull?: Pull;
  id?: string;
  /** The check run that is clicked. */
  check?: number;
}

export interface Row {
  /** Commands and events it is about. */
  covers: readonly string[];
  target(): Promise<Target>;
  /** Targets are made one after the other: they need the runner, or commit to the default branch. */
  oneByOne?: true;
  /** Resolves to the thread where a reply would stand. */
  act(person: Person, target: Target, login: string): Promise<number>;
  done(target: Target, thread: number): Promise<boolean>;
  unrun?(target: Target): Promise<boolean>;
}

const LETTERS: Record<string, Outcome> = {
  D: 'done',
  R: 'refused',
  '.': 'ignored',
  U: 'unrun',
  '-': 'github',
};

/** A row per line, its name first, then a letter per actor; bars only for the eye. */
export function readTable(text: string, actors: readonly string[]): Map<string, Record<string, Outcome>> {
  const rows = text.trim().split('\n');
  return new Map(
    rows.map((line) => {
      const [name = '', cells = ''] = line.split(/\s{2,}/);
      const letters = cells.replaceAll('|', '').trim().split(/\s+/);
      if (letters.length !== actors.length) throw new Error(`"${name}" has ${letters.length} cells`);
      const outcomes = actors.map((actor, index) => {
        const outcome = LETTERS[letters[index] ?? ''];
        if (!outcome) throw new Error(`"${name}" says "${letters[index]}" of ${actor}`);
        return [actor, outcome];
      });
      return [name, Object.fromEntries(outcomes)];
    }),
  );
}

/** Everything a person without write permission must leave as it is; `pulls`: those that were there before. */
async function stateOf(t: TestApp, target: Target, pulls = Number.POSITIVE_INFINITY): Promise<unknown> {
  const { db } = t.app().store;
  const asks = await db.selectFrom('asks').select(['key', 'state']).orderBy('key').execute();
  return {
    main: t.github.read.head('main'),
    pulls: (await t.github.read.pulls())
      .filter((pull) => pull.number <= pulls)
      .map(({ number, state, merged, head, base }) => ({ number, state, merged, head, base: base.ref })),
    checks: target.pull ? (await t.github.read.checkRuns(target.pull.head.sha, 'all')).map(shown) : [],
    jobs: await db.selectFrom('jobs').selectAll().orderBy('id').execute(),
    runs: await db.selectFrom('runs').selectAll().orderBy('id').execute(),
    asks: asks.filter(({ state }) => state !== 'ended' && state !== 'ignored'),
  };
}

const shown = ({ id, status, conclusion, output }: Json) => ({ id, status, conclusion, output });

const person = (t: TestApp, login: string): Person | Promise<Person> =>
  login === t.github.app.botLogin ? t.github.asApp() : t.github.as(login);

/** What the app wrote to GitHub since then, apart from bringing its status comments up to date. */
const writesSince = (t: TestApp, from: number) =>
  t.github.requests
    .slice(from)
    .filter(({ kind, actor }) => kind === 'write' && actor === 'installation')
    .map(({ method, template }) => `${method} ${template}`)
    .filter((write) => write !== 'PATCH /repos/{owner}/{repo}/issues/comments/{comment_id}');

/** Lets each actor act and tells what came of it. Those who are to change nothing share one target. */
export async function play(
  t: TestApp,
  row: Row,
  expected: Record<string, Outcome>,
): Promise<Record<string, Outcome>> {
  const found: Record<string, Outcome> = {};
  const quiet = Object.keys(expected).filter(
    (login) => expected[login] !== 'done' && expected[login] !== 'unrun',
  );
  const target = await row.target();
  await t.settle();
  const before = await stateOf(t, target);
  const newest = Math.max(0, ...(await t.github.read.pulls()).map((pull) => pull.number));
  // Held, so that every write until the release is one of the app's key in other hands.
  t.github.webhooks.hold();
  const threads = new Map<string, number | null>();
  const said = async (thread: number) => (await t.said(thread)).map(({ id, body }) => ({ id, body }));
  const earlier = new Set<number>();
  for (const login of quiet) {
    // It has git and nothing else.
    if (login === DEPLOY_KEY) {
      threads.set(login, null);
      continue;
    }
    const thread = await (async () => row.act(await person(t, login), target, login))().catch(githubRefused);
    threads.set(login, thread);
    if (thread !== null) for (const { id } of await said(thread)) earlier.add(id);
  }
  const from = t.github.requests.length;
  t.github.webhooks.release();
  await t.settle();
  expect(await stateOf(t, target, newest)).toEqual(before);
  const writes = writesSince(t, from);
  let replies = 0;
  for (const [login, thread] of threads) {
    if (thread === null) {
      found[login] = 'github';
      continue;
    }
    const alone = [...threads.values()].filter((other) => other === thread).length === 1;
    const mine = (await said(thread)).filter(
      ({ id, body }) => !earlier.has(id) && (alone || body.includes(`\`${login}\``)),
    );
    replies += mine.length;
    expect(mine.length).toBeLessThan(2);
    found[login] = mine.length === 0 ? 'ignored' : 'refused';
  }
  expect(writes).toEqual(Array(replies).fill('POST /repos/{owner}/{repo}/issues/{issue_number}/comments'));

  const loud = Object.keys(expected).filter((login) => !quiet.includes(login));
  const targets: Target[] = [];
  if (row.oneByOne) for (const _ of loud) targets.push(await row.target());
  else targets.push(...(await Promise.all(loud.map(() => row.target()))));
  const acted = new Map<string, number | null>();
  for (const [index, login] of loud.entries()) {
    const act = async () => row.act(await person(t, login), targets[index] ?? {}, login);
    acted.set(login, await act().catch(githubRefused));
  }
  await t.settle();
  for (const [index, login] of loud.entries()) {
    const own = targets[index] ?? {};
    const thread = acted.get(login) ?? null;
    if (thread === null) found[login] = 'github';
    else if (await row.done(own, thread)) found[login] = 'done';
    else found[login] = (await row.unrun?.(own)) ? 'unrun' : 'ignored';
  }
  return found;
}

function githubRefused(error: unknown): null {
  if (error instanceof Error && 'status' in error) return null;
  throw error;
}
