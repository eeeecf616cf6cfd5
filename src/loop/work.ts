import { isGitHubError } from '../github/errors.ts';
import type { Scope } from '../github/scope.ts';
import type { MergeMethod } from '../github/types.ts';
import type { Planner } from '../plan/plan-ask.ts';
import { enqueue } from '../store/work.ts';

/** What the loop gives to whoever works on a key. */
export interface WorkContext extends Scope {
  /** The key after its first word, e.g. `7:c123` of `ask:7:c123`. */
  rest: string;
  /** The whole key. */
  key: string;
  /** Failures of this item so far. */
  attempts: number;
  planner: Planner & { contradictionPrompt: string };
  mergeMethods: () => Promise<MergeMethod[]>;
}

/** What waits for the end of a pause is looked at again so often. */
export const PAUSED_LOOK_MS = 60_000;

/** `done`: nothing more until the key is recorded again. `dueAt`: ms since the epoch. */
export type WorkResult = 'done' | { dueAt: number };
export type Work = (context: WorkContext) => Promise<WorkResult>;

/** Works on a key; where the repository turns out to have another name, that is looked up before the next try. */
export async function workFollowing(work: Work, context: WorkContext): Promise<WorkResult> {
  try {
    return await work(context);
  } catch (error) {
    const { id, owner, name } = context.repo;
    if (isGitHubError(error, 'moved'))
      await context.store.write((tx) => enqueue(tx, `repo:${id}:${owner}/${name}`));
    throw error;
  }
}

/** The repository's id in a key, also of `status:` and `stuck:`, which stand before a whole key. */
export function repositoryOf(key: string): number {
  return Number(key.split(':').find((part) => /^\d+$/.test(part)));
}

/** The number after the last colon. */
export function lastNumber(key: string): number {
  return Number(key.slice(key.lastIndexOf(':') + 1));
}
