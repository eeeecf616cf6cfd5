import type { LedgerEntry } from './entry.ts';

export interface Sources {
  /** What the committed file of the month has. */
  committed: readonly LedgerEntry[];
  /** From records in the repository that the file does not know yet, or that changed since. */
  recorded: readonly LedgerEntry[];
  /** From the database, which may be new or an old copy: only what nobody else tells. */
  stored: readonly LedgerEntry[];
}

/**
 * The entries of a month, each id once, by day and id. A record goes before what was committed, and that
 * before the database. What was committed keeps its day and, once it has one, its price: the past does not
 * change with a price list or a time zone.
 */
export function mergeEntries({ committed, recorded, stored }: Sources): LedgerEntry[] {
  const byId = new Map<string, LedgerEntry>();
  for (const entry of [...stored, ...committed]) byId.set(entry.id, better(byId.get(entry.id), entry));
  const kept = new Map(committed.map((entry) => [entry.id, entry]));
  for (const entry of recorded) byId.set(entry.id, asCommitted(better(byId.get(entry.id), entry), kept));
  return [...byId.values()].sort((a, b) => (a.day === b.day ? compare(a.id, b.id) : compare(a.day, b.day)));
}

/** The later source, unless it knows less of a model's call: it was counted while the call was out, or by no price. */
function better(earlier: LedgerEntry | undefined, later: LedgerEntry): LedgerEntry {
  if (earlier?.kind !== 'model' || later.kind !== 'model') return later;
  const { job, goal, schedule } = { ...earlier, ...later };
  const credit = { ...(job ? { job } : {}), ...(goal ? { goal } : {}), ...(schedule ? { schedule } : {}) };
  if (later.unanswered && !earlier.unanswered) return { ...earlier, ...credit, day: later.day };
  return { ...later, ...credit, usd: earlier.unanswered ? later.usd : (later.usd ?? earlier.usd) };
}

function asCommitted(entry: LedgerEntry, kept: ReadonlyMap<string, LedgerEntry>): LedgerEntry {
  const before = kept.get(entry.id);
  if (before === undefined) return entry;
  const day = before.day;
  if (entry.kind === 'run' && before.kind === 'run' && entry.agent) {
    const usd = before.agent?.usd ?? entry.agent.usd;
    return { ...entry, day, agent: { ...entry.agent, usd } };
  }
  if (entry.kind !== 'model' || before.kind !== 'model') return { ...entry, day };
  return { ...entry, day, usd: before.unanswered ? entry.usd : (before.usd ?? entry.usd) };
}

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
