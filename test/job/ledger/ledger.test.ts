import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  entriesOfRecord,
  fixedEntries,
  type LedgerEntry,
  type LedgerRun,
  modelEntryOf,
} from '../../../src/job/ledger/entry.ts';
import { mergeEntries } from '../../../src/job/ledger/merge-entries.ts';
import { addMoney, convertMoney, formatMoney, splitMoney, toMoney } from '../../../src/job/ledger/money.ts';
import { parseMonth, renderMonth } from '../../../src/job/ledger/month-file.ts';
import { dayBefore, daysOf, monthBefore, monthsBetween } from '../../../src/job/ledger/months.ts';
import { placeEntries } from '../../../src/job/ledger/place-entry.ts';
import { summarise } from '../../../src/job/ledger/summarise.ts';
import { MODEL_PRICES } from '../../../src/job/model-prices.ts';
import type { ResultRecord, RunEntry } from '../../../src/job/report-format.ts';

const gke = { name: 'gke', perDay: 800, currency: 'JPY', from: null, until: null };

const run = (number: number, change: Partial<LedgerRun> = {}): LedgerRun => ({
  id: `run:2026-11-01-${String(number).padStart(3, '0')}:1`,
  kind: 'run',
  day: '2026-11-01',
  job: `2026-11-01-${String(number).padStart(3, '0')}`,
  state: 'succeeded',
  judged: true,
  changes: false,
  touches: ['gke'],
  seconds: 60,
  runner: 'devbox',
  ...change,
});

describe('what was done with a fixed cost', () => {
  const month = (...runs: LedgerRun[]) =>
    summarise([...runs, ...fixedEntries([gke], ['2026-11-01'])], null).fixed[0];
  it.each<[string, LedgerRun[], 'changed' | 'checked' | 'idle']>([
    ['nothing ran', [], 'idle'],
    ['a job that only looks', [run(1)], 'checked'],
    ['a look that was red', [run(1, { state: 'failed' })], 'checked'],
    ['a change that succeeded', [run(1, { changes: true })], 'changed'],
    ['a change that failed', [run(1, { changes: true, state: 'failed' })], 'checked'],
    ['a change among many looks', [run(1), run(2, { changes: true }), run(3)], 'changed'],
    ['a run that never came to its end', [run(1, { judged: false, state: 'lost' })], 'idle'],
    ['a job that touches something else', [run(1, { touches: ['vm'], changes: true })], 'idle'],
    ['a job of another day', [run(1, { day: '2026-11-02', changes: true })], 'idle'],
    ['the same on a runner far away', [run(1, { runner: 'mac' })], 'checked'],
  ])('%s', (_name, runs, use) => {
    const fixed = month(...runs);
    expect(fixed?.days).toEqual({ changed: 0, checked: 0, idle: 0, [use]: 1 });
    expect(fixed?.money[use]).toEqual(toMoney(800, 'JPY'));
  });
});

const dayText = fc.integer({ min: 1, max: 30 }).map((day) => `2026-11-${String(day).padStart(2, '0')}`);
const arbitraryRun = fc.record({
  number: fc.integer({ min: 1, max: 40 }),
  attempt: fc.integer({ min: 1, max: 3 }),
  day: dayText,
  state: fc.constantFrom('succeeded' as const, 'failed' as const, 'cancelled' as const, 'lost' as const),
  judged: fc.boolean(),
  changes: fc.boolean(),
  touches: fc.subarray(['gke', 'vm', 'db']),
  goal: fc.constantFrom(undefined, 'ready', 'cheap'),
  usd: fc.double({ min: 0, max: 3, noNaN: true }),
});
const arbitraryEntries = fc
  .tuple(
    fc.array(arbitraryRun, { maxLength: 40 }),
    fc.array(fc.tuple(fc.uuid(), dayText, fc.nat(1_000_000), fc.nat(50_000)), { maxLength: 20 }),
    fc.subarray(['gke', 'vm'], { minLength: 0 }),
  )
  .map(([runs, calls, names]): LedgerEntry[] => {
    const entries = [
      ...runs.map(({ number, attempt, goal, usd, ...rest }) => {
        const made = run(number, rest);
        const id = `run:${made.job}:${attempt}`;
        const agent = { model: 'gpt-5', input_tokens: 1, output_tokens: 1, usd };
        return { ...made, id, agent, ...(goal ? { goal } : {}) };
      }),
      ...calls.map(([id, day, input, output]) => {
        const call = { id, model: 'gpt-5', input, output, at: Date.parse(day), answered: true };
        return modelEntryOf(call, MODEL_PRICES, 'UTC');
      }),
      ...fixedEntries(
        names.map((name) => ({ ...gke, name, perDay: 799.99 })),
        daysOf('2026-11', '2026-11-30'),
      ),
    ];
    return [...new Map(entries.map((entry) => [entry.id, entry])).values()];
  });

describe('sums', () => {
  it('parts add up to the whole: uses of a cost, shares of its days, kinds', () => {
    fc.assert(
      fc.property(arbitraryEntries, (entries) => {
        const s = summarise(entries, null);
        expect(addMoney(s.models, s.fixedTotal)).toEqual(s.total);
        const uses = s.fixed.flatMap(({ money }) => [money.changed, money.checked, money.idle]);
        expect(addMoney(...uses)).toEqual(s.fixedTotal);
        const idle = addMoney(...s.fixed.map(({ money }) => money.idle));
        const unplanned = entries.filter((entry) => entry.kind === 'model');
        const calls = addMoney(...unplanned.map(({ usd }) => toMoney(usd ?? 0, 'USD')));
        // Every yen of a day that was used is some job's, and none is two jobs'.
        expect(addMoney(...s.jobs.map(({ money }) => money), idle, calls)).toEqual(s.total);
        for (const { days } of s.fixed) expect(days.changed + days.checked + days.idle).toBe(30);
      }),
    );
  });

  it('splits exactly', () => {
    fc.assert(
      fc.property(fc.nat(10_000_000), fc.integer({ min: 1, max: 50 }), (micros, parts) => {
        const shares = splitMoney({ JPY: micros, USD: 1 }, parts);
        expect(addMoney(...shares)).toEqual(addMoney({ JPY: micros, USD: 1 }));
        const yen = shares.map(({ JPY = 0 }) => JPY);
        expect(Math.max(...yen) - Math.min(...yen)).toBeLessThanOrEqual(1);
      }),
    );
  });

  it('counts no entry twice, whoever tells it and however often', () => {
    fc.assert(
      fc.property(arbitraryEntries, fc.infiniteStream(fc.nat(7)), (entries, where) => {
        const split = {
          committed: [] as LedgerEntry[],
          recorded: [] as LedgerEntry[],
          stored: [] as LedgerEntry[],
        };
        for (const entry of entries) {
          // Models are in no two records; each other entry is told by one to three sources.
          const bits = (where.next().value ?? 0) || 7;
          if (bits & 1) split.committed.push(entry);
          if (bits & 2) split.recorded.push(entry);
          if (bits & 4) split.stored.push(entry);
        }
        const merged = mergeEntries(split);
        expect(summarise(merged, null)).toEqual(
          summarise(mergeEntries({ committed: entries, recorded: [], stored: [] }), null),
        );
        // Again on its own result, with a database that is new: nothing changes.
        expect(mergeEntries({ committed: merged, recorded: split.recorded, stored: [] })).toEqual(merged);
      }),
    );
  });

  it('keeps currencies apart, and puts those with a rate together', () => {
    const both = addMoney(toMoney(800, 'JPY'), toMoney(2, 'USD'), toMoney(1, 'EUR'));
    expect(formatMoney(both)).toBe('EUR 1.00 + JPY 800 + USD 2.00');
    expect(formatMoney(convertMoney(both, { to: 'JPY', from: { USD: 155.5 } }))).toBe('EUR 1.00 + JPY 1,111');
    expect(formatMoney({})).toBe('–');
    expect(formatMoney(toMoney(0.0123, 'USD'))).toBe('USD 0.012');
  });
});

describe('what changes later', () => {
  const call = {
    id: 'a',
    model: 'gpt-5',
    input: 1_000_000,
    output: 0,
    at: Date.parse('2026-11-03'),
    answered: true,
  };
  const merge = (committed: LedgerEntry[], recorded: LedgerEntry[], stored: LedgerEntry[]) =>
    mergeEntries({ committed, recorded, stored });

  it('keeps the price of the day, whatever the list says later', () => {
    const then = modelEntryOf(call, MODEL_PRICES, 'UTC');
    const dearer = modelEntryOf(call, { 'gpt-5': { input: 9, output: 9 } }, 'UTC');
    expect(merge([then], [dearer], [dearer])).toEqual([then]);
  });

  it('takes a price as soon as there is one', () => {
    const unknown = modelEntryOf({ ...call, model: 'ours' }, MODEL_PRICES, 'UTC');
    expect(unknown.usd).toBeNull();
    const known = modelEntryOf({ ...call, model: 'ours' }, { ours: { input: 2, output: 2 } }, 'UTC');
    expect(merge([unknown], [], [known])).toMatchObject([{ usd: 2 }]);
    expect(summarise([unknown], null).unpriced).toEqual(['ours']);
  });

  it('knows of what job a call was once somebody does', () => {
    const early = modelEntryOf(call, MODEL_PRICES, 'UTC');
    expect(merge([early], [], [{ ...early, job: '2026-11-03-001' }])).toMatchObject([
      { job: '2026-11-03-001' },
    ]);
  });

  it('counts a call that was out at midnight once it has answered', () => {
    const out = modelEntryOf({ ...call, input: 0, answered: false }, MODEL_PRICES, 'UTC');
    const answered = modelEntryOf(call, MODEL_PRICES, 'UTC');
    expect(merge([out], [], [answered])).toEqual([answered]);
    expect(merge([answered], [], [out])).toEqual([answered]);
  });

  it('takes a late result in place of a lost run, on the day that was written', () => {
    const lost = run(1, { state: 'lost', judged: false, day: '2026-11-01' });
    const late = run(1, { state: 'succeeded', day: '2026-11-03' });
    expect(merge([lost], [late], [lost])).toEqual([{ ...late, day: '2026-11-01' }]);
    // A database from an old backup does not take it back.
    expect(merge([late], [], [lost])).toEqual([late]);
  });
});

describe('days and months', () => {
  it.each([
    ['2024-02', 29],
    ['2025-02', 28],
    ['2026-03', 31],
    ['2026-11', 30],
  ])('%s has %i days', (month, days) => {
    expect(daysOf(month, '9999-12-31')).toHaveLength(days);
  });
  it('steps over ends of months and years', () => {
    expect(dayBefore('2026-01-01')).toBe('2025-12-31');
    expect(dayBefore('2024-03-01')).toBe('2024-02-29');
    expect(monthBefore('2026-01')).toBe('2025-12');
    expect(monthsBetween('2025-11', '2026-02')).toEqual(['2025-11', '2025-12', '2026-01', '2026-02']);
    expect(monthsBetween('2026-03', '2026-02')).toEqual([]);
    expect(daysOf('2026-11', '2026-11-03')).toEqual(['2026-11-01', '2026-11-02', '2026-11-03']);
  });
  it('a day of 23 or 25 hours costs what every day costs', () => {
    for (const [month, zone] of [
      ['2026-03', 'Europe/Berlin'],
      ['2026-10', 'Europe/Berlin'],
      ['2026-11', 'America/New_York'],
    ] as const) {
      const days = daysOf(month, '9999-12-31');
      expect(fixedEntries([gke], days)).toHaveLength(days.length);
      for (const day of days) {
        const noon = modelEntryOf(
          {
            id: day,
            model: 'gpt-5',
            input: 1,
            output: 1,
            at: Date.parse(`${day}T12:00:00Z`),
            answered: true,
          },
          MODEL_PRICES,
          zone,
        );
        expect(noon.day).toBe(day);
      }
    }
  });
  it('is paid from and until', () => {
    const days = daysOf('2026-11', '2026-11-05');
    const between = { ...gke, from: '2026-11-02', until: '2026-11-03' };
    expect(fixedEntries([between], days).map(({ day }) => day)).toEqual(['2026-11-02', '2026-11-03']);
  });
});

const entry: RunEntry = {
  attempt: 1,
  state: 'succeeded',
  reason: 'dod_met',
  runner: 'devbox',
  started_at: '2026-11-30T14:00:00.000Z',
  finished_at: '2026-11-30T15:00:00.000Z',
  duration_seconds: 3_600,
  exit_code: 0,
  signal: null,
  outcome: 'exited',
  message: null,
  steps: [],
  dod: { source: 'exit_code == 0', verdict: 'met' },
  log: null,
  log_bytes: 0,
};
const record: ResultRecord = {
  version: 1,
  id: '2026-11-30-001',
  job_digest: 'sha256:x',
  state: 'succeeded',
  touches: ['gke'],
  effect: 'change',
  goal: 'ready',
  planning: [
    { id: 'a', model: 'gpt-5', input_tokens: 1_000, output_tokens: 100, at: '2026-11-30T13:00:00.000Z' },
  ],
  runs: [
    entry,
    { ...entry, attempt: 2, finished_at: null, started_at: null, duration_seconds: null, state: 'lost' },
  ],
};

describe('a record', () => {
  it('tells its runs and what planned it, by the day where the repository is', () => {
    const entries = entriesOfRecord(record, MODEL_PRICES, 'Asia/Tokyo');
    expect(entries).toMatchObject([
      { id: 'model:a', day: '2026-11-30', usd: 0.00225, goal: 'ready' },
      { id: 'run:2026-11-30-001:1', day: '2026-12-01', changes: true, touches: ['gke'], seconds: 3_600 },
      { id: 'run:2026-11-30-001:2', day: '2026-11-30', state: 'lost', seconds: 0 },
    ]);
  });

  it('tells what an agent used, by the price of its model', () => {
    const usage = { input_tokens: 1_000_000, cached_input_tokens: 900_000, output_tokens: 0 };
    const agent = {
      base: 'a'.repeat(40),
      usage,
      message: null,
      files: [],
      change: { state: 'none' as const },
    };
    const codex = { ...record, runs: [{ ...entry, agent }] };
    const tokens = { input_tokens: 1_000_000, output_tokens: 0 };
    expect(entriesOfRecord({ ...codex, model: 'gpt-5' }, MODEL_PRICES, 'UTC').at(-1)).toMatchObject({
      agent: { model: 'gpt-5', ...tokens, usd: 1.25 },
    });
    const unknown = entriesOfRecord(codex, MODEL_PRICES, 'UTC');
    expect(unknown.at(-1)).toMatchObject({ agent: { model: 'codex', ...tokens, usd: null } });
    expect(summarise(unknown, null).unpriced).toEqual(['codex']);
  });

  it('does not end before it was made, whatever the clock of the runner', () => {
    const early = { ...record, runs: [{ ...entry, finished_at: '1970-01-01T00:00:00Z' }] };
    expect(entriesOfRecord(early, MODEL_PRICES, 'UTC').at(-1)).toMatchObject({ day: '2026-11-30' });
  });

  it('of a tick lies on the day of its instant where no time is known', () => {
    const tick = {
      ...record,
      id: 'hello@20261129T2200Z',
      runs: [{ ...entry, finished_at: null, started_at: null }],
    };
    expect(entriesOfRecord(tick, MODEL_PRICES, 'UTC').at(-1)).toMatchObject({
      day: '2026-11-29',
      schedule: 'hello',
    });
  });
});

describe('the month of an entry', () => {
  const november = { month: '2026-11', entries: [run(1, { day: '2026-11-30' })] };
  const place = placeEntries([november], '2026-12-02');
  it.each<[string, LedgerRun, string[]]>([
    ['by its day', run(2, { day: '2026-12-01' }), ['2026-12 2026-12-01']],
    [
      'where it stands already, in whatever zone its day is now',
      run(1, { day: '2026-12-01' }),
      ['2026-11 2026-12-01'],
    ],
    ['today, when its clock runs ahead', run(3, { day: '2030-01-01' }), ['2026-12 2026-12-02']],
  ])('is one: %s', (_name, entry, places) => {
    const found = ['2026-10', '2026-11', '2026-12', '2030-01'].flatMap((month) =>
      place(entry, month).map(({ day }) => `${month} ${day}`),
    );
    expect(found).toEqual(places);
  });
});

describe('the file of a month', () => {
  const file = {
    month: '2026-11',
    timeZone: 'Asia/Tokyo',
    through: { day: '2026-11-30', commit: 'a'.repeat(40) },
    entries: [...entriesOfRecord(record, MODEL_PRICES, 'UTC'), ...fixedEntries([gke], ['2026-11-30'])],
  };
  it('comes back as it was written, an entry a line', () => {
    const text = renderMonth(file, { to: 'JPY', from: { USD: 155 } });
    expect(parseMonth(text)).toEqual(file);
    expect(text.match(/^ {4}\{"id":/gm)).toHaveLength(4);
    expect(JSON.parse(text).summary).toMatchObject({
      total: { JPY: 800 + 0.34875 },
      jobs_succeeded: 1,
      goals: [{ id: 'ready', runs: 2, succeeded: 1 }],
      fixed: [{ name: 'gke', days: { changed: 1, checked: 0, idle: 0 } }],
    });
    expect(parseMonth(renderMonth({ ...file, entries: [] }, null))).toEqual({ ...file, entries: [] });
  });
  it.each(['', '{}', '[]', '{"version":2}'])(
    'is none when somebody made something else of it: %j',
    (text) => {
      expect(parseMonth(text)).toBeNull();
    },
  );
});
