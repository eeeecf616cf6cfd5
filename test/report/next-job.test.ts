import { describe, expect, it } from 'vitest';
import { type JobFacts, nextJob } from '../../src/report/next-job.ts';

const done: JobFacts = {
  state: 'succeeded',
  run: { state: 'finished', attempt: 1 },
  judged: true,
  changeDue: false,
  reported: true,
  checksCurrent: true,
  replied: true,
};

describe('nextJob', () => {
  it.each<[string, Partial<JobFacts>, object]>([
    [
      'an agent left a change: its PR before the record that names it',
      { changeDue: true, reported: false, checksCurrent: false },
      { do: 'propose_change' },
    ],
    ['not approved yet', { state: 'proposed', run: null, judged: false }, { wait: 'approval' }],
    ['its PR was closed', { state: 'rejected', run: null, judged: false }, { end: 'not_started' }],
    ['replanned', { state: 'superseded', run: null, judged: false }, { end: 'not_started' }],
    [
      'queued, its check run is missing',
      { state: 'queued', run: null, judged: false, checksCurrent: false },
      { do: 'update_checks' },
    ],
    ['queued and shown', { state: 'queued', run: null, judged: false }, { wait: 'runner' }],
    [
      'running, the check is stale',
      { state: 'running', run: { state: 'running', attempt: 1 }, judged: false, checksCurrent: false },
      { do: 'update_checks' },
    ],
    [
      'running and shown',
      { state: 'running', run: { state: 'running', attempt: 1 }, judged: false },
      { wait: 'runner' },
    ],
    [
      'finished: judged before anything is shown',
      { state: 'running', judged: false, checksCurrent: false },
      { do: 'judge' },
    ],
    [
      'a late result of a lost job is judged',
      { state: 'lost', judged: false, reported: false, replied: true },
      { do: 'judge' },
    ],
    [
      'cancelled in the queue',
      { state: 'cancelled', run: null, judged: false, reported: false, replied: false },
      { do: 'end_without_result' },
    ],
    [
      'lost',
      { state: 'lost', run: { state: 'lost', attempt: 1 }, judged: false, reported: false, replied: false },
      { do: 'end_without_result' },
    ],
    [
      'judged: the record comes first',
      { reported: false, checksCurrent: false, replied: false },
      { do: 'commit_report' },
    ],
    ['committed: then the checks', { checksCurrent: false, replied: false }, { do: 'update_checks' }],
    ['then the one reply', { replied: false }, { do: 'reply' }],
    ['all done', {}, { end: 'reported' }],
  ])('%s', (_, facts, expected) => {
    expect(nextJob({ ...done, ...facts })).toEqual(expected);
  });
});
