import { setTimeout as delay } from 'node:timers/promises';
import type { GitHubServer } from '../../test/support/github/start-github.ts';

/** Longer than the app coalesces edits of a status comment. */
const QUIET_MS = 6_000;

/** Waits until nobody has asked GitHub for anything for a while: whatever was begun is done. */
export async function untilQuiet(github: GitHubServer): Promise<void> {
  for (let before = -1; before !== github.requests.length; ) {
    before = github.requests.length;
    await delay(QUIET_MS);
  }
}
