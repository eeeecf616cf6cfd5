import type { Scope } from '../github/scope.ts';
import type { MergeMethod } from '../github/types.ts';
import type { Planner } from '../plan/plan-ask.ts';

/** What the loop gives to whoever works on a key. */
export interface WorkContext extends Scope {
  /** The key after its first word, e.g. `7:c123` of `ask:7:c123`. */
  rest: string;
  /** The whole key. */
  key: string;
  /** Failures of this item so far. */
  attempts: number;
  planner: Planner;
  mergeMethods: () => Promise<MergeMethod[]>;
}

/** `done`: nothing more until the key is recorded again. `dueAt`: ms since the epoch. */
export type WorkResult = 'done' | { dueAt: number };
export type Work = (context: WorkContext) => Promise<WorkResult>;

/** The repository's id in a key, also of `status:` and `stuck:`, which stand before a whole key. */
export function repositoryOf(key: string): number {
  return Number(key.split(':').find((part) => /^\d+$/.test(part)));
}

/** The number after the last colon. */
export function lastNumber(key: string): number {
  return Number(key.slice(key.lastIndexOf(':') + 1));
}
