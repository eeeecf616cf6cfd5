import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isEnded, type JobEvent, type JobState, transition } from '../../src/job/state.ts';

const STATES: readonly JobState[] = [
  'proposed',
  'queued',
  'leased',
  'running',
  'succeeded',
  'failed',
  'cancelled',
  'lost',
  'rejected',
  'superseded',
];

const MET = { state: 'succeeded', reason: 'dod_met' } as const;

/** Each event with every state it means something in; all others refuse it. */
const TABLE: [JobEvent, Partial<Record<JobState, string>>][] = [
  [{ kind: 'admitted' }, { proposed: 'queued admitted' }],
  [{ kind: 'not_admitted' }, { proposed: 'rejected not_admitted', queued: 'rejected not_admitted' }],
  [{ kind: 'pull_closed' }, { proposed: 'rejected pull_closed' }],
  [{ kind: 'reopened' }, { rejected: 'proposed reopened' }],
  [{ kind: 'replanned' }, { proposed: 'superseded replanned' }],
  [
    { kind: 'cancel' },
    {
      proposed: 'rejected cancelled',
      queued: 'cancelled cancelled',
      leased: 'cancelled cancelled',
      running: 'running cancelled',
    },
  ],
  [
    { kind: 'retry' },
    {
      succeeded: 'queued retried',
      failed: 'queued retried',
      cancelled: 'queued retried',
      lost: 'queued retried',
    },
  ],
  [{ kind: 'leased' }, { queued: 'leased leased' }],
  [{ kind: 'lease_lost', losses: 1 }, { leased: 'queued lease_lost' }],
  [{ kind: 'lease_lost', losses: 5 }, { leased: 'queued lease_lost' }],
  [{ kind: 'lease_lost', losses: 6 }, { leased: 'failed never_started' }],
  [{ kind: 'started' }, { leased: 'running started' }],
  [
    { kind: 'ended', verdict: MET },
    { leased: 'succeeded dod_met', running: 'succeeded dod_met', lost: 'succeeded dod_met' },
  ],
  [{ kind: 'silent', idempotent: false, attempt: 1 }, { running: 'lost lost' }],
  [{ kind: 'silent', idempotent: true, attempt: 2 }, { running: 'queued retried_idempotent' }],
  [{ kind: 'silent', idempotent: true, attempt: 3 }, { running: 'lost lost' }],
  [
    { kind: 'store_lost' },
    {
      proposed: 'lost store_lost',
      queued: 'lost store_lost',
      leased: 'lost store_lost',
      running: 'lost store_lost',
    },
  ],
  [
    { kind: 'heard' },
    {
      queued: 'running heard',
      leased: 'running heard',
      running: 'running heard',
      succeeded: 'running heard',
      failed: 'running heard',
      cancelled: 'running heard',
      lost: 'running heard',
    },
  ],
];

describe('transition', () => {
  it.each(TABLE.map(([event, rows]) => ({ event, rows, name: JSON.stringify(event) })))(
    'on $name',
    ({ event, rows }) => {
      const taken = STATES.flatMap((state) => {
        const next = transition(state, event);
        return 'refused' in next ? [] : [[state, `${next.state} ${next.reason}`]];
      });
      expect(Object.fromEntries(taken)).toEqual(rows);
    },
  );

  it('says what it refuses', () => {
    expect(transition('rejected', { kind: 'retry' })).toEqual({
      refused: 'retry means nothing to a job that is rejected',
    });
  });

  it('never starts an ended job again unasked', () => {
    const unasked = TABLE.map(([event]) => event).filter(
      // A run that is heard of began before.
      ({ kind }) => kind !== 'retry' && kind !== 'reopened' && kind !== 'heard',
    );
    for (const state of STATES.filter(isEnded)) {
      for (const event of unasked) {
        const next = transition(state, event);
        if (!('refused' in next)) expect(isEnded(next.state)).toBe(true);
      }
    }
  });

  /** States that `event`s lead to, in any order and number. */
  const reachable = (from: JobState, events: readonly JobEvent[]) => {
    const seen = new Set<JobState>([from]);
    for (const state of seen) {
      for (const event of events) {
        const next = transition(state, event);
        if (!('refused' in next)) seen.add(next.state);
      }
    }
    return seen;
  };

  it('lets every path end: what the app and its runner do by themselves brings a started job to its end', () => {
    // Persons are not needed, and nothing but a runner's silence.
    const silence = TABLE.map(([event]) => event).filter(({ kind }) =>
      ['lease_lost', 'silent', 'leased', 'started'].includes(kind),
    );
    for (const state of ['queued', 'leased', 'running'] as const)
      expect([...reachable(state, silence)].some(isEnded), state).toBe(true);
  });

  it('has no way out of an ended run but a person, and none out of a rejected job into the queue unseen', () => {
    // A run that is heard of began before the database was lost.
    const byItself = TABLE.map(([event]) => event).filter(
      ({ kind }) => !['retry', 'reopened', 'heard'].includes(kind),
    );
    for (const state of STATES.filter(isEnded))
      expect([...reachable(state, byItself)].every(isEnded), state).toBe(true);
    // What is lost with a database has passed the gate first, like what is admitted.
    const withoutAdmission = TABLE.map(([event]) => event).filter(
      ({ kind }) => kind !== 'admitted' && kind !== 'store_lost',
    );
    for (const state of ['proposed', 'rejected', 'superseded'] as const)
      expect([...reachable(state, withoutAdmission)], state).not.toContain('queued');
  });

  it('ends any sequence of lost leases and silences in a bounded number of runs (property)', () => {
    const setback = fc.constantFrom('lease_lost', 'silent');
    fc.assert(
      fc.property(
        fc.boolean(),
        fc.array(setback, { minLength: 60, maxLength: 60 }),
        (idempotent, setbacks) => {
          let state: JobState = 'queued';
          let losses = 0;
          let attempt = 1;
          let leases = 0;
          const move = (event: JobEvent) => {
            const next = transition(state, event);
            if (!('refused' in next)) state = next.state;
          };
          for (const kind of setbacks) {
            if (isEnded(state)) break;
            move({ kind: 'leased' });
            leases += 1;
            if (kind === 'lease_lost') {
              losses += 1;
              move({ kind, losses });
            } else {
              move({ kind: 'started' });
              move({ kind: 'silent', idempotent, attempt });
              attempt += 1;
              losses = 0;
            }
          }
          expect(isEnded(state)).toBe(true);
          expect(leases).toBeLessThanOrEqual(idempotent ? 3 * 6 : 6);
        },
      ),
    );
  });
});
