export interface Cleanup {
  /** Runs at the end, the last one first. */
  defer(end: () => unknown): void;
}

/** Calls `body` and then, whatever happened, everything it deferred. */
export async function withCleanup<T>(body: (cleanup: Cleanup) => Promise<T>): Promise<T> {
  const ends: (() => unknown)[] = [];
  try {
    return await body({ defer: (end) => ends.push(end) });
  } finally {
    for (const end of ends.reverse()) await end();
  }
}
