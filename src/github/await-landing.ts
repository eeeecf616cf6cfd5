import { GitHubError } from './errors.ts';
import type { EarlierTry } from './types.ts';

/**
 * Called when what an earlier try may have made was not found. Its sender may have died while GitHub was still
 * at work on it: made anew before that is over, it could be there twice.
 * @throws GitHubError `unavailable`, to be tried again at `landsUntil`
 */
export function awaitLanding({ landsUntil }: Pick<EarlierTry, 'landsUntil'>): void {
  if (landsUntil === undefined) return;
  throw new GitHubError('unavailable', 'an earlier try without an answer may still land', {
    retryAt: landsUntil,
  });
}
