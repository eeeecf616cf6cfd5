import { expect, it } from 'vitest';
import { type FoundJob, nextPull, type PullEffect, type PullFacts } from '../../src/gate/next-pull.ts';
import { createRandom, type Random } from '../support/simulation/random.ts';

const SEEDS = 10_000;

/** GitHub's side of one PR, and what the app remembers of it. */
interface Model {
  open: boolean;
  merged: boolean;
  draft: boolean;
  base: string;
  head: number;
  /** Heads whose job file is valid. */
  valid: Set<number>;
  misplaced: Set<number>;
  /** Heads a person approved; a dismissal takes one away. */
  approved: Set<number>;
  changes: { head: number; review: number } | null;
  handled: Set<number>;
  reviews: number;
  checked: number | null;
  blocked: number | null;
  queued: number | null;
  dequeued: string | null;
  cancelled: boolean;
  settled: 'merged' | 'rejected' | null;
  /** Each merge the app asked for that GitHub did, as the PR stood then. */
  merges: { head: number; approved: boolean; valid: boolean; checked: boolean; base: string }[];
  /** What a person merged, which needs no app. */
  byPerson: boolean;
}

const broken: FoundJob['findings'] = [
  { rule: 'schema', severity: 'failure', path: 'x', line: 1, column: 1, message: 'wrong' },
];
const sha = (head: number) => `${head}`;

function observe(m: Model): PullFacts {
  const job: FoundJob = {
    path: 'jobs/queue/2026-11-22-001.json',
    blobSha: sha(m.head),
    text: '{}',
    job: null,
    digest: '',
    findings: m.valid.has(m.head) ? [] : broken,
  };
  // A command that named an older head stays in the row.
  const approved = m.approved.has(m.head) ? m.head : [...m.approved].at(-1);
  return {
    open: m.open,
    merged: m.merged,
    draft: m.draft,
    headSha: sha(m.head),
    baseRef: m.base,
    defaultBranch: 'main',
    fromFork: false,
    jobs: [job],
    schedules: [],
    goals: [],
    misplaced: m.misplaced.has(m.head) ? 1 : 0,
    judged: true,
    checkedSha: m.checked === null ? null : sha(m.checked),
    approval: approved === undefined ? null : { login: 'octo', how: 'command', sha: sha(approved) },
    blocked: m.blocked === null ? null : { sha: sha(m.blocked), message: 'no', retryAt: 1 },
    paused: false,
    inMergeQueue: m.queued === m.head,
    dequeued: m.dequeued,
    changesRequested:
      m.changes && m.changes.head === m.head && !m.handled.has(m.changes.review)
        ? { reviewId: m.changes.review, login: 'octo', body: 'other' }
        : null,
    cancelled: m.cancelled,
    settled: m.settled,
  };
}

/** A person, another bot, or GitHub. */
function happen(m: Model, random: Random): string {
  const what = random.pick([
    'push',
    'push',
    'approve',
    'approve',
    'dismiss',
    'request changes',
    'close',
    'reopen',
    'merge by hand',
    'draft',
    'ready',
    'retarget',
    'base is main',
    'cancel',
    'queue throws it out',
    'time passes',
  ]);
  switch (what) {
    case 'push':
      m.head += 1;
      if (random.chance(0.7)) m.valid.add(m.head);
      if (random.chance(0.1)) m.misplaced.add(m.head);
      break;
    case 'approve':
      // Also an older head: the page was open for long.
      m.approved.add(random.chance(0.7) ? m.head : random.whole(0, m.head));
      m.reviews += 1;
      break;
    case 'dismiss':
      m.approved.delete(m.head);
      break;
    case 'request changes':
      m.reviews += 1;
      m.changes = { head: m.head, review: m.reviews };
      m.approved.delete(m.head);
      break;
    case 'close':
      m.open = false;
      break;
    case 'reopen':
      if (!m.merged) m.open = true;
      break;
    case 'merge by hand':
      if (m.open && random.chance(0.2)) {
        m.merged = true;
        m.open = false;
        m.byPerson = true;
      }
      break;
    case 'draft':
    case 'ready':
      m.draft = what === 'draft';
      break;
    case 'retarget':
      m.base = 'release';
      break;
    case 'base is main':
      m.base = 'main';
      break;
    case 'cancel':
      if (random.chance(0.2)) m.cancelled = true;
      break;
    case 'queue throws it out':
      if (m.queued !== null) m.dequeued = 'CI_FAILURE';
      m.queued = null;
      break;
    case 'time passes':
      m.blocked = null;
  }
  return what;
}

/** What an effect does to GitHub and to the rows; `seen` may be out of date by now. */
function apply(m: Model, effect: PullEffect, seen: PullFacts, random: Random): void {
  if (!('do' in effect)) return;
  switch (effect.do) {
    case 'validate':
      m.checked = Number(seen.headSha);
      break;
    case 'reopen':
      m.settled = null;
      m.cancelled = false;
      break;
    case 'replan':
      m.handled.add(effect.reviewId);
      if (m.open) {
        m.head += 1;
        m.valid.add(m.head);
      }
      break;
    case 'hold':
      m.blocked = Number(seen.headSha);
      m.dequeued = null;
      break;
    case 'merge': {
      const head = Number(effect.approval.sha);
      // GitHub merges only the head that was named.
      if (!m.open || m.head !== head) return;
      const outcome = random.pick(['merged', 'merged', 'blocked', 'queued']);
      if (outcome === 'blocked') m.blocked = head;
      if (outcome === 'queued') m.queued = head;
      if (outcome !== 'merged') return;
      m.merges.push({
        head,
        approved: seen.approval?.sha === sha(head),
        valid: m.valid.has(head) && !m.misplaced.has(head),
        checked: seen.checkedSha === sha(head),
        base: seen.baseRef,
      });
      m.merged = true;
      m.open = false;
      break;
    }
    case 'close':
      m.open = false;
      break;
    case 'admit':
      m.settled = 'merged';
      break;
    case 'reject':
      m.settled = 'rejected';
  }
}

function play(seed: number): { model: Model; said: string[] } {
  const random = createRandom(seed);
  const said: string[] = [];
  const model: Model = {
    open: true,
    merged: false,
    draft: false,
    base: 'main',
    head: 0,
    valid: new Set(random.chance(0.8) ? [0] : []),
    misplaced: new Set(),
    approved: new Set(),
    changes: null,
    handled: new Set(),
    reviews: 0,
    checked: null,
    blocked: null,
    queued: null,
    dequeued: null,
    cancelled: false,
    settled: null,
    merges: [],
    byPerson: false,
  };
  for (let step = random.whole(3, 25); step > 0; step -= 1) {
    const seen = observe(model);
    // Between what the app saw and what it does, something may happen; or it dies and does nothing.
    for (let n = random.whole(0, 2); n > 0; n -= 1) said.push(happen(model, random));
    if (random.chance(0.2)) continue;
    const effect = nextPull(seen);
    said.push(JSON.stringify(effect));
    apply(model, effect, seen, random);
  }
  // Left alone, the app comes to rest.
  for (let step = 0; ; step += 1) {
    const seen = observe(model);
    const effect = nextPull(seen);
    said.push(JSON.stringify(effect));
    if (!('do' in effect)) break;
    if (step > 12) throw new Error('it does not come to rest');
    apply(model, effect, seen, random);
  }
  return { model, said };
}

it(`merges only what a person approved and the app judged, and comes to rest, in ${SEEDS} histories`, () => {
  let merges = 0;
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const { model, said } = play(seed);
    merges += model.merges.length;
    const history = `seed ${seed}: ${said.join(', ')}`;
    if (model.merges.length > 1) throw new Error(`merged twice; ${history}`);
    for (const { head: _, base, ...kept } of model.merges)
      if (base !== 'main' || Object.values(kept).includes(false))
        throw new Error(`merged ${JSON.stringify({ ...kept, base })}; ${history}`);
    if (model.merged && model.settled !== 'merged') throw new Error(`a merged job was dropped; ${history}`);
    if (!model.open && !model.merged && model.settled !== 'rejected')
      throw new Error(`a closed PR was not told of; ${history}`);
  }
  // Enough of them got that far.
  expect(merges).toBeGreaterThan(SEEDS / 20);
});
