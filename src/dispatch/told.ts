import { BoundedMap } from '../github/bounded-map.ts';

interface News {
  cancel: boolean;
  drain: boolean;
}

/**
 * What runs were told already. A sync answers at once when there is something to say, but only the first
 * time: a runner that is busy cancelling and goes on calling must not spin.
 */
export interface Told {
  hasNews(runId: string, news: News): boolean;
  remember(runId: string, news: News): void;
  forget(runId: string): void;
}

/** A run may end at another app, which then cannot say here that it is over. */
const TOLD_KEPT = 1_000;

export function createTold(): Told {
  const told = new BoundedMap<string, News>(TOLD_KEPT);
  return {
    hasNews(runId, news) {
      const before = told.get(runId);
      return (news.cancel && !before?.cancel) || (news.drain && !before?.drain);
    },
    remember(runId, { cancel, drain }) {
      if (cancel || drain) told.set(runId, { cancel, drain });
    },
    forget(runId) {
      told.delete(runId);
    },
  };
}
