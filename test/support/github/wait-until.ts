import type { RecordedRequest } from './types.ts';

/** Waits for `look` to find something, looking again after every request that is not a read. */
export async function waitUntil<T>(
  onRequest: Set<(request: RecordedRequest) => void>,
  what: string,
  look: () => Promise<T | undefined | false>,
  timeoutMs: number,
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  let wake = () => {};
  let stirred = false;
  // Reads do not change anything, and `look` makes some itself.
  const listener = (request: RecordedRequest) => {
    if (request.kind !== 'read') {
      stirred = true;
      wake();
    }
  };
  onRequest.add(listener);
  try {
    for (;;) {
      stirred = false;
      const found = await look();
      if (found !== undefined && found !== false) return found;
      const left = deadline - Date.now();
      if (left <= 0) throw new Error(`waited ${timeoutMs} ms in vain for: ${what}`);
      if (!stirred) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, left);
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
    }
  } finally {
    onRequest.delete(listener);
  }
}
