import { expect, it } from 'vitest';
import type { SyncRequest } from '../../src/dispatch/protocol.ts';
import { judgeSync } from '../../src/dispatch/sync.ts';
import type { JobState, RunRow } from '../../src/store/tables.ts';

it.each<[RunRow['state'], JobState, boolean, string, SyncRequest['phase']?]>([
  // Nothing of it was run yet, and it was reported as lost.
  ['lost', 'lost', true, 'stale', 'starting'],
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
  (run, job, latest, expected, phase = 'running') => {
    expect(judgeSync({ state: run }, { state: job }, latest, phase)).toBe(expected);
  },
);
