import { dayOf } from '../job/day.ts';
import { commitCosts } from '../report/commit-costs.ts';
import type { WorkContext, WorkResult } from './work.ts';

/** `costs:<repository>`: made at the survey, and due again every night for good. */
export function costsKey(repoId: number): string {
  return `costs:${repoId}`;
}

/** After a start everything else goes first. */
export const COSTS_DELAY_MS = 60_000;
/** Failures after which it is left alone for an hour: as an item that is given up, it would never be due again. */
const TRIES = 5;
const REST_MS = 3_600_000;

/** Brings `reports/costs/` up to yesterday, at midnight where the repository is. */
export async function workOnCosts(c: WorkContext): Promise<WorkResult> {
  try {
    await commitCosts(c);
  } catch (error) {
    if (c.signal.aborted || c.attempts < TRIES) throw error;
    c.log.error(
      { err: error, repository: c.repo.name },
      'the costs could not be committed; again in an hour',
    );
    return { dueAt: c.now() + REST_MS };
  }
  return { dueAt: dayOf(c.now(), c.settings.timeZone).end };
}
