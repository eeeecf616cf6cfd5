import type { Store } from '../store/store.ts';
import { hasFuture, wakeWaiting } from '../store/work.ts';
import { expireDue, nextExpiry, renewAllLeases } from './expire.ts';
import { LEASE_TIMES } from './lease.ts';

/** How often the clock is looked at, in ms. */
const LOOK_MS = 1_000;
/** The clock of a process that is awake moves by less than this between two looks, in ms. */
const JUMP_MS = 5_000;

export interface LeaseKeeper {
  /** Ends what is overdue. Says when to call again. */
  expire(): Promise<{ dueAt: number } | 'done'>;
  stop(): void;
}

/**
 * Looks after the leases of a running app. Silence only counts while an app could hear: at the start, unless
 * another one has been there for the length of a lease, and when the clock has jumped (the machine slept, or
 * its clock was set), every lease is renewed once. On waking, the timer of the overdue ones may be first: so
 * `expire` looks at the clock too. When the clock was set back, whatever waits for a time is woken: it would
 * wait for as long as the clock was ahead.
 */
export async function keepLeases(
  store: Store,
  onError: (error: unknown) => void,
  times = LEASE_TIMES,
): Promise<LeaseKeeper> {
  let looked = store.now();
  const stepped = () => {
    const now = store.now();
    const step = now - looked;
    looked = now;
    return step < 0 ? 'back' : step > JUMP_MS ? 'on' : null;
  };
  const renew = (step: 'back' | 'on') =>
    store.write(async (tx) => {
      await renewAllLeases(tx, store.now(), times);
      if (step === 'back') await wakeWaiting(tx, store.now());
    });

  const back = await hasFuture(store.db, looked);
  if (back || store.others().connectedMs < times.ttlMs) await renew(back ? 'back' : 'on');
  const timer = setInterval(() => {
    const step = stepped();
    if (step) renew(step).catch(onError);
  }, LOOK_MS);
  timer.unref();
  return {
    async expire() {
      const step = stepped();
      if (step) await renew(step);
      else await store.write((tx) => expireDue(tx, store.now(), times));
      const dueAt = await nextExpiry(store.db, times);
      return dueAt === undefined ? 'done' : { dueAt };
    },
    stop: () => clearInterval(timer),
  };
}
