import { type DeliveryAttempt, listDeliveries, readDelivery } from '../github/app-reads.ts';
import type { LookMemory } from '../github/look.ts';
import type { Octokits } from '../github/octokit.ts';
import type { Log } from '../github/scope.ts';
import { getMark, putMark } from '../store/scans.ts';
import type { Store } from '../store/store.ts';
import { type Due, repositoryFact } from './due.ts';
import { type Learned, recordInto } from './record.ts';

export interface SweepDeps {
  store: Store;
  octokits: Octokits;
  memory: LookMemory;
  log: Log;
  now: () => number;
  /** Deliveries whose payload was taken, by GUID. */
  taken: Map<string, true>;
  /** The table of loop.ts. */
  dueOf: (name: string, payload: unknown, now: number) => Due[];
  isKnownEvent: (name: string, action: string | null) => boolean;
}

/** GitHub shows a delivery's outcome when it has one, at most ten seconds later; with room for a busy day. */
const OVERLAP_MS = 5 * 60_000;
/** After a long absence the rest waits for the next look, which comes at once. */
const AT_ONCE = 100;
/** GitHub keeps deliveries for three days. https://docs.github.com/webhooks/using-webhooks/handling-failed-webhook-deliveries */
const KEPT_MS = 3 * 24 * 3_600_000;

/**
 * Takes what failed deliveries carried through the same intake as a webhook: not redelivered, because the way
 * in may be what is broken, and a redelivery would have to be waited for. What a later attempt brought is left.
 */
export async function sweepDeliveries(d: SweepDeps, signal: AbortSignal): Promise<'more' | 'done'> {
  const now = d.now();
  const mark = await getMark(d.store.db, 'deliveries_read');
  const since = Math.max((mark ?? now) - OVERLAP_MS, now - KEPT_MS);
  const attempts = await listDeliveries(d.octokits, d.memory, since, signal);
  const failed = failedOf(attempts).filter(
    ({ guid, event, action }) => !d.taken.has(guid) && d.isKnownEvent(event, action),
  );
  for (const attempt of failed.slice(0, AT_ONCE)) {
    await take(d, attempt, signal);
    d.taken.set(attempt.guid, true);
  }
  if (failed.length > AT_ONCE) return 'more';
  // GitHub's clock, since it is what the deliveries are compared with.
  const newest = Math.max(mark ?? 0, mark === undefined ? now : 0, ...attempts.map(({ at }) => at));
  if (newest !== mark) await d.store.write((tx) => putMark(tx, 'deliveries_read', newest));
  return 'done';
}

async function take(
  d: SweepDeps,
  { id, guid, event, action }: DeliveryAttempt,
  signal: AbortSignal,
): Promise<void> {
  const payload = await readDelivery(d.octokits, d.memory, id, signal);
  if (!payload) return;
  let learned: Learned;
  try {
    const due = d.dueOf(event, payload, d.now());
    learned = { fact: repositoryFact(event, payload), due, deliveryId: guid };
  } catch (err) {
    // One that cannot be understood must not keep the others from being taken.
    d.log.error({ err, delivery: guid, event }, 'a webhook that had not arrived could not be understood');
    return;
  }
  await d.store.write((tx) => recordInto(tx, d.now(), learned));
  d.log.info({ delivery: guid, event, action }, 'took a webhook that had not arrived');
}

/** One attempt of every delivery that never arrived, the oldest first; pure. */
export function failedOf(attempts: readonly DeliveryAttempt[]): DeliveryAttempt[] {
  const arrived = new Set(attempts.filter((attempt) => attempt.arrived).map(({ guid }) => guid));
  const failed = new Map(attempts.filter(({ guid }) => !arrived.has(guid)).map((one) => [one.guid, one]));
  return [...failed.values()].reverse();
}
