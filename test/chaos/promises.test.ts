import { describe, expect, it } from 'vitest';
import type { Census } from '../../chaos/census.ts';
import type { Asked } from '../../chaos/people.ts';
import { judge } from '../../chaos/promises.ts';
import { createScenarios, scriptOf } from '../../chaos/scenario.ts';

/** The judge must see each way in which a promise can be broken: a campaign that cannot fail shows nothing. */
const JOB = '2026-11-22-001';

function ask(changes: Partial<Asked['scenario']> = {}, retries = 0): Asked {
  const [scenario] = createScenarios(1, 1, 1_000);
  if (!scenario) throw new Error('no scenario');
  const job = { idempotent: false, pauses: ['0.1', '0.1'], ends: 'well' as const, tells: false };
  return {
    scenario: { ...scenario, asker: 'octo', form: 'fence', job, ...changes },
    thread: 1,
    source: 'c7',
    retries,
    cancels: 0,
  };
}

function census(asked: Asked, changes: Partial<Census> = {}): Census {
  const script = scriptOf(asked.scenario, '/starts');
  const file = JSON.stringify({
    id: JOB,
    kind: 'run_shell',
    workdir: '/workspace',
    script,
    dod: 'exit_code == 0',
    report_path: `reports/jobs/${JOB}.out`,
  });
  return {
    comments: [
      { thread: 1, key: 'status:ask:1:c7' },
      { thread: 1, key: `final:job:1:${JOB}:1` },
    ],
    pulls: [{ number: 2, source: 'c7', state: 'merged' }],
    checks: [{ externalId: `job:1:${JOB}:1`, sha: 'a', status: 'completed' }],
    jobs: [
      {
        id: JOB,
        place: 'done',
        file,
        record: { version: 1, id: JOB, job_digest: '', state: 'succeeded', runs: [] },
      },
    ],
    commits: [`guruguru: ${JOB} succeeded on devbox [skip ci]`],
    ledger: [`run:${JOB}:1`],
    traces: new Map([[asked.scenario.mark, traces('run-1')]]),
    ...changes,
  };
}

const traces = (run: string) => ['start 0', 'line 1', 'line 2'].map((what) => `${what} ${run} ${JOB}`);

function violations(asked: Asked, changes: Partial<Census>): string[] {
  return judge([asked], census(asked, changes)).violations.map(({ kind }) => kind);
}

describe('what a campaign left', () => {
  it('is whole when everything is there once', () => {
    const asked = ask();
    expect(judge([asked], census(asked))).toMatchObject({
      answered: 1,
      lost: 0,
      duplicates: { pulls: 0, comments: 0, checks: 0, reports: 0 },
      started_twice: 0,
      stuck: 0,
      starts: 1,
      violations: [],
    });
  });

  const base = census(ask());
  const twice = <T>(list: T[]) => [...list, ...list];
  it.each<[string, string, Partial<Census>]>([
    ['no status comment', 'lost', { comments: base.comments.slice(1) }],
    ['no final reply', 'lost', { comments: base.comments.slice(0, 1) }],
    ['nothing at all', 'lost', { comments: [], pulls: [], jobs: [], traces: new Map() }],
    ['a PR nobody decided on', 'stuck', { pulls: [{ number: 2, source: 'c7', state: 'open' }] }],
    ['a PR closed without a word', 'lost', { pulls: [{ number: 2, source: 'c7', state: 'closed' }] }],
    ['a merged job without a result', 'stuck', { jobs: base.jobs.map((job) => ({ ...job, record: null })) }],
    ['an ended job in the queue', 'stuck', { jobs: base.jobs.map((job) => ({ ...job, place: 'queue' })) }],
    ['a merged job that is nowhere', 'lost', { jobs: [], traces: new Map() }],
    [
      'a check run that goes on',
      'stuck',
      { checks: base.checks.map((one) => ({ ...one, status: 'queued' })) },
    ],
    [
      'a check run of an earlier run that goes on',
      'stuck',
      { checks: [{ externalId: `job:1:${JOB}:0`, sha: 'a', status: 'queued' }, ...base.checks] },
    ],
    ['two PRs', 'duplicate', { pulls: twice(base.pulls) }],
    ['two comments of one key', 'duplicate', { comments: twice(base.comments) }],
    ['two check runs of one id', 'duplicate', { checks: twice(base.checks) }],
    ['two reports', 'duplicate', { commits: twice(base.commits) }],
    ['one night twice', 'duplicate', { commits: twice(['guruguru: costs up to 2026-11-21 [skip ci]']) }],
    ['one entry of the ledger twice', 'duplicate', { ledger: twice(base.ledger) }],
  ])('%s is told', (_, kind, changes) => {
    expect(violations(ask(), changes)).toContain(kind);
  });

  it('counts starts: one, or three of an idempotent job, and one more for each /retry', () => {
    const runs = (count: number, asked: Asked) => ({
      traces: new Map([
        [asked.scenario.mark, Array.from({ length: count }, (_, n) => traces(`run-${n}`)).flat()],
      ]),
    });
    const idempotent = { job: { ...ask().scenario.job, idempotent: true } };
    expect(violations(ask(), runs(2, ask()))).toEqual(['started_twice']);
    expect(violations(ask({}, 1), runs(2, ask()))).toEqual([]);
    expect(violations(ask(idempotent), runs(3, ask()))).toEqual([]);
    expect(violations(ask(idempotent), runs(4, ask()))).toEqual(['started_twice']);
    const same = new Map([[ask().scenario.mark, [...traces('run-1'), ...traces('run-1')]]]);
    expect(violations(ask(idempotent), { traces: same })).toContain('started_twice');
  });

  it('tells a run of other lines than the merged ones, and one of no merged job', () => {
    const { mark } = ask().scenario;
    const other = new Map([[mark, [`start 0 run-1 ${JOB}`, `line 2 run-1 ${JOB}`]]]);
    expect(violations(ask(), { traces: other })).toEqual(['bytes']);
    const foreign = new Map([[mark, ['start 0 run-1 2026-11-22-999']]]);
    expect(violations(ask(), { traces: foreign })).toEqual(['bytes']);
    expect(violations(ask(), { jobs: [] })).toContain('bytes');
  });

  it('takes a killed run for what it is: the beginning of its lines', () => {
    const { mark } = ask().scenario;
    expect(violations(ask(), { traces: new Map([[mark, traces('run-1').slice(0, 2)]]) })).toEqual([]);
  });

  it('wants one refusal for a stranger, and nothing else', () => {
    const asked = ask({ asker: 'stranger' });
    const empty = { pulls: [], jobs: [], checks: [], commits: [], traces: new Map<string, string[]>() };
    const refused = [{ thread: 1, key: 'final:ask:1:c7' }];
    expect(violations(asked, { ...empty, comments: refused })).toEqual([]);
    expect(violations(asked, { ...empty, comments: [] })).toEqual(['lost']);
    expect(violations(asked, { comments: refused })).toContain('ended_oddly');
    const status = { thread: 1, key: 'status:ask:1:c7' };
    expect(violations(asked, { ...empty, comments: [...refused, status] })).toEqual(['ended_oddly']);
  });
});
