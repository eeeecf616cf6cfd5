import { expect, it } from 'vitest';
import { judgeSync } from '../../src/dispatch/sync.ts';
import type { JobState, RunRow } from '../../src/store/tables.ts';

it.each<[RunRow['state'], JobState, boolean, string]>([
  ['leased', 'leased', true, 'accept'],
  ['running', 'running', true, 'accept'],
  ['lost', 'lost', true, 'accept'],
  ['lost', 'lost', false, 'stale'],
  ['lost', 'queued', true, 'stale'],
  ['lost', 'leased', false, 'stale'],
  ['returned', 'queued', true, 'stale'],
  ['returned', 'cancelled', true, 'stale'],
  ['running', 'running', false, 'stale'],
  ['finished', 'succeeded', true, 'duplicate'],
  ['finished', 'queued', false, 'duplicate'],
])(
  'judges a call for a run that is %s of a job that is %s (latest: %s) as %s',
  (run, job, latest, expected) => {
    expect(judgeSync({ state: run }, { state: job }, latest)).toBe(expected);
  },
);
