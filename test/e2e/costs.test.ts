import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dayOf } from '../../src/job/day.ts';
import { type MonthFile, parseMonth } from '../../src/job/ledger/month-file.ts';
import { dayBefore, monthOf } from '../../src/job/ledger/months.ts';
import { startTestApp, type TestApp } from '../support/app.ts';
import { ask, jobIdOf, pullOf } from '../support/app-steps.ts';
import { loseData } from '../support/lose-data.ts';
import { jobAnswer } from '../support/model-replies.ts';
import { workAt } from '../support/work-at.ts';

/** The ledger of a repository in Tokyo over some nights; the runs are of today, the clock of the ledger is moved. */
const ZONE = 'Asia/Tokyo';
const DAY_MS = 86_400_000;
const COSTS = 'costs:\n  - { name: gke, per_day: 800, currency: JPY }\n';
const started = Date.now();
const night = (count: number) => dayOf(started + count * DAY_MS, ZONE);
const today = night(0).name;

let t: TestApp;
let jobs: string[];
beforeAll(async () => {
  t = await startTestApp({
    ingress: 'webhook',
    settings: `time_zone: ${ZONE}\nmodel_prices:\n  test-model: { input: 1000, output: 0 }\n${COSTS}`,
    model: { otherwise: { text: jobAnswer({ touches: ['gke'], effect: 'change' }) } },
  });
  jobs = [await playJob(), await playJob()];
});
afterAll(async () => {
  expect(t.github.contractViolations).toEqual([]);
  await t.close();
});

async function playJob(): Promise<string> {
  const pull = await pullOf(t, await ask(t, '/ask make the cluster smaller'));
  await t.github.as('octo').review(pull.number, { event: 'APPROVE' });
  await t.settle();
  await (await t.runner()).run();
  await t.settle();
  return jobIdOf(pull);
}

const costs = (now: number) => workAt(t, `costs:${t.github.repository().id}`, now);
async function status(): Promise<string> {
  const issue = await ask(t, '/status');
  return (await t.marked(issue, 'reply')).at(-1)?.body ?? '';
}
const commits = async () =>
  (await t.github.read.commits()).filter((commit) =>
    JSON.stringify(commit).includes('guruguru: costs up to'),
  );
async function month(day: string): Promise<MonthFile> {
  const file = parseMonth((await t.github.read.file(`reports/costs/${monthOf(day)}.json`)) ?? '');
  return file ?? expect.fail('there is no ledger');
}

describe('the ledger', () => {
  it('is due for ever, once the repository is known', async () => {
    const rows = await t
      .app()
      .store.db.selectFrom('work')
      .select('key')
      .where('key', 'like', 'costs:%')
      .execute();
    expect(rows).toHaveLength(1);
  });

  it('is told before it is committed, and what a run may cost before it is approved', async () => {
    const bodies = (await t.github.read.pulls())
      .map(({ body }) => body)
      .filter((body) => body.includes('Planning cost'));
    expect(bodies.filter((body) => body.includes('`gke` costs JPY 800 a day anyway'))).toHaveLength(2);
    expect(bodies.filter((body) => body.includes('USD 1.20'))).toHaveLength(2);
    expect(bodies.filter((body) => body.includes('nothing of its kind has run yet'))).toHaveLength(1);
    expect(bodies.filter((body) => body.includes('an estimate from one run'))).toHaveLength(1);
    expect(await status()).toMatch(
      /^Costs of \d{4}-\d\d so far: .*USD 2\.40; 2 jobs succeeded, .*USD 1\.20 each\.$/m,
    );
  });

  it('is committed once for a day, whoever is at it', async () => {
    const now = night(1).start + 1_000;
    const due = await Promise.all([costs(now), costs(now), costs(now)]);
    expect(due).toEqual(Array(3).fill({ dueAt: night(1).end }));
    expect(await commits()).toHaveLength(1);
    await costs(now + 3_600_000);
    expect(await commits()).toHaveLength(1);
  });

  it('tells what was spent on what, from records and rows, each entry once', async () => {
    const { entries, through } = await month(today);
    expect(through.day).toBe(today);
    const ids = entries.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    const models = entries.filter((entry) => entry.kind === 'model');
    expect(models.map(({ job, usd }) => [job, usd])).toEqual(
      expect.arrayContaining(jobs.map((job) => [job, 1.2])),
    );
    expect(models).toHaveLength(2);
    expect(entries.filter((entry) => entry.kind === 'run')).toMatchObject(
      jobs.map((job) => ({ id: `run:${job}:1`, touches: ['gke'], changes: true, state: 'succeeded' })),
    );
    expect(entries.filter((entry) => entry.kind === 'fixed').at(-1)).toMatchObject({
      id: `fixed:gke:${today}`,
    });
    const text = await t.github.read.file(`reports/costs/${monthOf(today)}.md`);
    const idle = Number(today.slice(8)) - 1;
    expect(text).toContain(
      `| \`gke\` | 1 day, JPY 800 | 0 days, – | ${idle} ${idle === 1 ? 'day' : 'days'},`,
    );
    expect(text).toContain('| Per successful job |');
    expect(await status()).toMatch(/^\[Costs\]\(http.*\/blob\/main\/reports\/costs\/.*; 2 jobs succeeded/m);
  });

  it('is the same after the loss of the database: what was committed stays, what was not comes from the records', async () => {
    const before = await month(today);
    const third = await playJob();
    // What comes after midnight waits for the next night.
    await costs(night(1).start + 7_200_000);
    expect(await commits()).toHaveLength(1);
    await loseData(t, async () => {});
    await t.reconcile();
    const now = night(2).start + 1_000;
    await costs(now);
    await costs(now);
    expect(await commits()).toHaveLength(2);
    const after = await month(today);
    const known = (file: MonthFile) => file.entries.filter(({ day }) => day <= today).map(({ id }) => id);
    const added = known(after).filter((id) => !known(before).includes(id));
    expect(known(before).filter((id) => !known(after).includes(id))).toEqual([]);
    expect(added).toEqual([expect.stringMatching(/^model:/), `run:${third}:1`]);
  });

  it.each(['before', 'landed'] as const)(
    'is there once when the app dies at its commit: %s',
    async (when) => {
      const count = (await commits()).length;
      const now = night(3 + count).start + 1_000;
      const die = async () => Promise.reject(new Error('killed'));
      t.github.faults.add({
        match: (method, path) => method === 'PATCH' && path.includes('/git/refs/'),
        ...(when === 'before' ? { before: die } : { landed: die }),
      });
      // A landed one is found again at once, where the answer was lost and not the app.
      await costs(now).catch(() => {});
      expect(await commits()).toHaveLength(when === 'landed' ? count + 1 : count);
      await costs(now);
      expect(await commits()).toHaveLength(count + 1);
    },
  );

  it('makes good for nights that were missed, over the end of a month', async () => {
    const now = night(45).start + 1_000;
    await costs(now);
    let day = dayBefore(night(45).name);
    for (; monthOf(day) >= monthOf(today) && day > today; day = dayBefore(day)) {
      const file = await month(day);
      expect(file.entries.filter(({ id }) => id === `fixed:gke:${day}`)).toHaveLength(1);
      expect(file.entries.every((entry) => monthOf(entry.day) === file.month)).toBe(true);
    }
  });
});
