import type { Kysely } from 'kysely';
import type { Tables } from './tables.ts';

/** What `store.write` hands to its function. */
export type Tx = Kysely<Tables>;

/** What reads need: `store.db`, or a Tx to read what the same write changed. */
export type Reader = Pick<Kysely<Tables>, 'selectFrom'>;

interface WriteContext {
  now: () => number;
  topics: Set<string>;
}

const contexts = new WeakMap<Tx, WriteContext>();

/** For the store: opens the context of one write; the topics announced in it are collected in the set returned. */
export function openContext(tx: Tx, now: () => number): Set<string> {
  const topics = new Set<string>();
  contexts.set(tx, { now, topics });
  return topics;
}

/**
 * Tells the store's subscribers of `topic` once this write is committed; nothing is told when it is rolled
 * back. (What LISTEN and NOTIFY are in Postgres.)
 */
export function announce(tx: Tx, topic: string): void {
  contextOf(tx).topics.add(topic);
}

/** The store's clock, in ms since the epoch. */
export function writeTime(tx: Tx): number {
  return contextOf(tx).now();
}

function contextOf(tx: Tx): WriteContext {
  const context = contexts.get(tx);
  if (!context) throw new Error('Use the tx that store.write gives to its function.');
  return context;
}
