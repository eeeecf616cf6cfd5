import { expect, it } from 'vitest';
import { parseGoalState, renderGoalState } from '../../src/schedule/goal-state.ts';
import type { GoalData } from '../../src/store/row-data.ts';
import type { GoalRow } from '../../src/store/tables.ts';

const data: GoalData = {
  startedAt: 1_760_000_000_000,
  steps: [
    {
      jobId: '2026-11-22-001',
      file: '{}\n',
      base: 'a'.repeat(40),
      why: '',
      outside: [],
      verdict: {
        kind: 'next',
        by: 'model',
        dod: { verdict: 'unmet', detail: 'x = 1' },
        at: 1_760_000_001_000,
      },
      prints: { failure: null, whole: 'w' },
    },
    { jobId: '2026-11-22-002', file: '{}\n', base: 'b'.repeat(40), why: 'so', outside: ['`workdir` is /'] },
  ],
};
const row: GoalRow = {
  repo_id: 1,
  id: 'readme-ok',
  state: 'running',
  job_id: '2026-11-22-002',
  file: '{}',
  blob_sha: 'c'.repeat(40),
  pr_number: 3,
  ask_key: null,
  thread: 3,
  language: 'en',
  approval: JSON.stringify({ login: 'octo', how: 'command', sha: 'd'.repeat(40) }),
  data: JSON.stringify(data),
  created_at: 0,
  updated_at: 0,
};

it('a goal comes out of its state file as it went in, but for what only our rows need', () => {
  const more = { committed: 'x', asked: { key: '1', since: 2 }, pausedUntil: 3 };
  const text = renderGoalState(row, { ...data, ...more });
  expect(parseGoalState(text, { id: row.id, blob: row.blob_sha })).toEqual({
    blob: row.blob_sha,
    state: 'running',
    approval: { login: 'octo', how: 'command', sha: 'd'.repeat(40) },
    data,
  });
});

it.each([
  ['another goal', { id: 'other', blob: row.blob_sha }],
  ['another file of it', { id: row.id, blob: 'e'.repeat(40) }],
])('a state of %s is none', (_, of) => {
  expect(parseGoalState(renderGoalState(row, data), of)).toBeNull();
});

it('what a person made of it is none', () => {
  expect(parseGoalState('{"version":1}', { id: row.id, blob: row.blob_sha })).toBeNull();
  expect(parseGoalState('', { id: row.id, blob: row.blob_sha })).toBeNull();
});
