/** Both in milliseconds. */
export interface Clock {
  wall(): number;
  monotonic(): number;
}
export const SYSTEM_CLOCK: Clock = { wall: () => Date.now(), monotonic: () => performance.now() };

/** More than this between the two clocks' steps means that the machine slept (or its clock was set). */
export const JUMP_MS = 5_000;

/**
 * Calls `onJump` when the wall clock has moved on by more than this process was awake, or was set. Returns
 * `stop`. On Linux the monotonic clock stands still in a sleep; on macOS Node's goes on (libuv reads
 * mach_continuous_time), so there a look that comes late tells it.
 */
export function watchClock(
  onJump: (ms: number) => void,
  clock: Clock = SYSTEM_CLOCK,
  intervalMs = 1000,
): () => void {
  let wall = clock.wall();
  let monotonic = clock.monotonic();
  const timer = setInterval(() => {
    const awake = Math.min(clock.monotonic() - monotonic, intervalMs);
    const jump = clock.wall() - wall - awake;
    wall = clock.wall();
    monotonic = clock.monotonic();
    if (Math.abs(jump) > JUMP_MS) onJump(jump);
  }, intervalMs);
  timer.unref();
  return () => clearInterval(timer);
}
