import { describe, expect, it } from 'vitest';
import { type FoundJob, nextPull, type PullFacts } from '../../src/gate/next-pull.ts';

const HEAD = 'a'.repeat(40);
const OLD = 'b'.repeat(40);

const job: FoundJob = {
  path: 'jobs/queue/2026-11-22-001.json',
  blobSha: 'c'.repeat(40),
  text: '{}',
  job: null,
  digest: '',
  findings: [],
};
const broken: FoundJob = {
  ...job,
  findings: [
    { rule: 'schema', severity: 'failure', path: job.path, line: 1, column: 1, message: 'id is missing' },
  ],
};
const remarked: FoundJob = {
  ...job,
  findings: [{ rule: 'sudo', severity: 'warning', path: job.path, line: 1, column: 1, message: 'uses sudo' }],
};

const open: PullFacts = {
  open: true,
  merged: false,
  draft: false,
  headSha: HEAD,
  baseRef: 'main',
  defaultBranch: 'main',
  fromFork: false,
  jobs: [job],
  schedules: [],
  goals: [],
  misplaced: 0,
  judged: true,
  checkedSha: HEAD,
  approval: null,
  blocked: null,
  dequeued: null,
  inMergeQueue: false,
  paused: false,
  changesRequested: null,
  cancelled: false,
  settled: null,
};
const approval = { login: 'octo', how: 'review' as const, sha: HEAD };
const changes = { reviewId: 1, login: 'octo', body: 'use pytest -x' };

describe('nextPull', () => {
  it.each<[string, Partial<PullFacts>, object]>([
    ['touches no job', { jobs: [], judged: false }, { end: 'nothing_to_gate' }],
    [
      'touches no job, but every PR gets the check',
      { jobs: [], judged: true, checkedSha: null },
      { do: 'validate' },
    ],
    ['touches no job and has the check', { jobs: [], judged: true }, { end: 'nothing_to_gate' }],
    ['a new head is validated first', { checkedSha: OLD, approval }, { do: 'validate' }],
    ['waits for a person', {}, { wait: 'approval' }],
    ['an invalid job is never merged', { jobs: [broken], approval }, { wait: 'fix' }],
    ['nor is a change of a merged job file', { misplaced: 1, approval }, { wait: 'fix' }],
    ['a warning does not stop a person', { jobs: [remarked], approval }, { do: 'merge', approval }],
    ['approved at this head', { approval }, { do: 'merge', approval }],
    ['an approval of an older head is none', { approval: { ...approval, sha: OLD } }, { wait: 'approval' }],
    [
      'changes requested go before an approval',
      { approval, changesRequested: changes },
      { do: 'replan', ...changes },
    ],
    ['retargeted to another base', { approval, baseRef: 'release' }, { wait: 'base' }],
    ['a draft waits', { approval, draft: true }, { wait: 'draft' }],
    [
      'GitHub refused this head',
      { approval, blocked: { sha: HEAD, message: 'review required', retryAt: 1 } },
      { wait: 'blocked' },
    ],
    [
      'GitHub refused an older head',
      { approval, blocked: { sha: OLD, message: 'review required', retryAt: 1 } },
      { do: 'merge', approval },
    ],
    ['in the merge queue', { approval, inMergeQueue: true }, { wait: 'merge_queue' }],
    [
      'thrown out of the merge queue',
      { approval, dequeued: 'CI_FAILURE' },
      { do: 'hold', message: 'CI_FAILURE' },
    ],
    ['cancelled while it waited', { approval, cancelled: true }, { do: 'close' }],
    ['cancelled before it was looked at', { checkedSha: null, cancelled: true }, { do: 'close' }],
    ['cancelled too late', { open: false, merged: true, cancelled: true }, { do: 'admit' }],
    ['cancelled and closed', { open: false, cancelled: true }, { do: 'reject' }],
    ['merged', { open: false, merged: true }, { do: 'admit' }],
    ['merged without a job', { open: false, merged: true, jobs: [] }, { end: 'nothing_to_gate' }],
    ['merged and admitted', { open: false, merged: true, settled: 'merged' }, { end: 'settled' }],
    ['closed', { open: false }, { do: 'reject' }],
    ['closed and told', { open: false, settled: 'rejected' }, { end: 'settled' }],
    ['opened again and merged', { settled: 'rejected', open: false, merged: true }, { do: 'reopen' }],
    ['opened again', { settled: 'rejected' }, { do: 'reopen' }],
  ])('%s', (_, facts, expected) => {
    expect(nextPull({ ...open, ...facts })).toEqual(expected);
  });
});
