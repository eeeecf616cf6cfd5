/** Both in milliseconds. */
export interface Clock {
  wall(): number;
  monotonic(): number;
}
export const SYSTEM_CLOCK: Clock = { wall: () => Date.now(), monotonic: () => performance.now() };

/** More than this between the two clocks' steps means that the machine slept (or its clock was set). */
export const JUMP_MS = 5_000;

/** Calls `onJump` when the wall clock has left the monotonic one behind, or the other way round. Returns `stop`. */
export function watchClock(
  onJump: (ms: number) => void,
  clock: Clock = SYSTEM_CLOCK,
  intervalMs = 1000,
): () => void {
  let difference = clock.wall() - clock.monotonic();
  const timer = setInterval(() => {
    const now = clock.wall() - clock.monotonic();
    const jump = now - difference;
    difference = now;
    if (Math.abs(jump) > JUMP_MS) onJump(jump);
  }, intervalMs);
  timer.unref();
  return () => clearInterval(timer);
}
