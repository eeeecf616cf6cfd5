import type { Store } from '../store/store.ts';

/** One wait. It hears what was announced from the moment it was made. */
interface TopicWait {
  /** Resolves at the first announcement (at once if that came already), after `ms`, when `signal` aborts, or at the shutdown. */
  until(ms: number, signal: AbortSignal): Promise<void>;
  end(): void;
}

export interface TopicWaits {
  /** End it in a `finally`. */
  listen(topics: readonly string[]): TopicWait;
}

/** Lets requests wait for announcements of the store. Those that wait cost nothing until theirs comes. */
export function createTopicWaits(store: Pick<Store, 'subscribe'>, shutdown: AbortSignal): TopicWaits {
  const listeners = new Map<string, Set<() => void>>();
  store.subscribe((topics) => {
    for (const topic of topics) for (const hear of listeners.get(topic) ?? []) hear();
  });
  shutdown.addEventListener('abort', () => {
    for (const set of listeners.values()) for (const hear of set) hear();
  });
  return {
    listen(topics) {
      const heard = Promise.withResolvers<void>();
      const hear = () => heard.resolve();
      for (const topic of topics) listeners.set(topic, (listeners.get(topic) ?? new Set()).add(hear));
      if (shutdown.aborted) hear();
      return {
        async until(ms, signal) {
          const timer = setTimeout(hear, ms);
          signal.addEventListener('abort', hear);
          if (signal.aborted) hear();
          await heard.promise;
          clearTimeout(timer);
          signal.removeEventListener('abort', hear);
        },
        end() {
          for (const topic of topics) {
            const set = listeners.get(topic);
            set?.delete(hear);
            if (set?.size === 0) listeners.delete(topic);
          }
        },
      };
    },
  };
}
