/** Lets one after another do what would only get in each other's way. */
export interface Turns {
  /** Runs `act` when all that were asked before under this key have ended. Rejects with the signal's reason on abort. */
  take<T>(key: string, signal: AbortSignal, act: () => Promise<T>): Promise<T>;
}

export function createTurns(): Turns {
  const last = new Map<string, Promise<unknown>>();
  return {
    async take(key, signal, act) {
      const before = last.get(key) ?? Promise.resolve();
      const mine = before.then(() => {
        signal.throwIfAborted();
        return act();
      });
      const ended = mine.catch(() => {});
      last.set(key, ended);
      try {
        return await mine;
      } finally {
        if (last.get(key) === ended) last.delete(key);
      }
    },
  };
}
