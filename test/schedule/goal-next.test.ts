import { describe, expect, it } from 'vitest';
import { type GoalFacts, nextGoal } from '../../src/schedule/goal-next.ts';

const step: NonNullable<GoalFacts['step']> = {
  proposed: true,
  job: 'queued',
  reported: false,
  outside: false,
  verdict: null,
  resumed: false,
};
const facts: GoalFacts = {
  state: 'running',
  cancelled: false,
  paused: false,
  committed: true,
  step,
  overdue: false,
  deadline: 10_000,
  askedAt: null,
  told: false,
  reminded: false,
  reminderMs: 100,
  now: 1_000,
  replied: false,
};
const at = (change: Partial<typeof step>) => ({ step: { ...step, ...change } });
const asked = { state: 'waiting', askedAt: 950, told: true } as const;

describe('nextGoal', () => {
  it.each<[string, Partial<GoalFacts>, object]>([
    ['waits for its own approval', { state: 'proposed', step: null }, { wait: 'gate', until: null }],
    ['approved: the first job is fixed', { step: null }, { do: 'start' }],
    ['not while paused', { step: null, paused: true }, { wait: 'resume', until: null }],
    [
      'its decision is on record before its PR',
      { ...at({ proposed: false, job: 'proposed' }), committed: false },
      { do: 'commit_state' },
    ],
    ['then the PR', at({ proposed: false, job: 'proposed' }), { do: 'propose' }],
    [
      'no PR once its time is over',
      { ...at({ proposed: false, job: 'proposed' }), overdue: true },
      { do: 'stop_time' },
    ],
    [
      'no PR while paused',
      { ...at({ proposed: false, job: 'proposed' }), paused: true },
      { wait: 'resume', until: null },
    ],
    ['inside: it merges by itself', at({ job: 'proposed' }), { wait: 'job', until: null }],
    ['outside: a person is asked', at({ job: 'proposed', outside: true }), { do: 'wait_for_person' }],
    ['in words, once', { ...at({ job: 'proposed', outside: true }), ...asked, told: false }, { do: 'ask' }],
    [
      'and reminded later',
      { ...at({ job: 'proposed', outside: true }), ...asked },
      { wait: 'person', until: 1_050 },
    ],
    ['now', { ...at({ job: 'proposed', outside: true }), ...asked, now: 1_050 }, { do: 'remind' }],
    [
      'once',
      { ...at({ job: 'proposed', outside: true }), ...asked, now: 9_000, reminded: true },
      { wait: 'person', until: null },
    ],
    [
      'time does not end what waits for a person',
      { ...at({ job: 'proposed', outside: true }), ...asked, overdue: true, reminded: true },
      { wait: 'person', until: null },
    ],
    ['its job waits or runs', at({ job: 'running' }), { wait: 'job', until: null }],
    [
      'nor does it end a running job',
      { ...at({ job: 'running' }), overdue: true },
      { wait: 'job', until: null },
    ],
    ['ended, and not on record yet', at({ job: 'failed' }), { wait: 'job', until: null }],
    ['a report is judged', at({ job: 'failed', reported: true }), { do: 'judge' }],
    ['a job that was taken away is not', at({ job: 'rejected' }), { do: 'close_step' }],
    ['unless somebody said so', at({ job: 'rejected', resumed: true }), { do: 'judge' }],
    ['lost is a question too', at({ job: 'lost', reported: true }), { do: 'close_step' }],
    [
      'and run again it is judged',
      { ...at({ job: 'succeeded', reported: true, verdict: 'closed' }), ...asked },
      { do: 'judge' },
    ],
    [
      'stuck: on record first',
      { ...at({ job: 'failed', verdict: 'stuck' }), committed: false },
      { do: 'commit_state' },
    ],
    ['then a person is asked', at({ job: 'failed', verdict: 'stuck' }), { do: 'wait_for_person' }],
    ['somebody said /cancel', { ...at({ job: 'running' }), cancelled: true }, { do: 'cancel' }],
    [
      'its end is on record before anybody hears',
      { state: 'reached', committed: false },
      { do: 'commit_state' },
    ],
    ['then the reply', { state: 'stopped' }, { do: 'reply' }],
    ['once', { state: 'cancelled', replied: true }, { end: 'ended' }],
    ['its PR was closed', { state: 'rejected' }, { end: 'ended' }],
    ['found by a new database it asks first', { ...asked, step: null, told: false }, { do: 'ask' }],
  ])('%s', (_, change, expected) => {
    expect(nextGoal({ ...facts, ...change })).toEqual(expected);
  });
});
