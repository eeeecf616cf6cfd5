import { setTimeout as delay } from 'node:timers/promises';

const AGAIN_MS = 50;

/** Makes a call until it succeeds, as a resident runner does while the app is away. */
export async function patiently<T>(call: () => Promise<T>, timeoutMs = 20_000): Promise<T> {
  for (const deadline = Date.now() + timeoutMs; ; ) {
    try {
      return await call();
    } catch (error) {
      if (Date.now() > deadline) throw error;
    }
    await delay(AGAIN_MS);
  }
}
