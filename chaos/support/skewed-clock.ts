/** Shifts what `Date` says in this process; time namespaces do not cover the wall clock. Timers go on as they were. */
const realNow = Date.now.bind(Date);
let offsetMs = 0;

const now = () => realNow() + offsetMs;

/** By so much from now on, in ms; 0 puts the clock right. */
export function shiftClock(ms: number): void {
  offsetMs = ms;
}

/** Must be called before anything takes `Date.now` for its own. */
export function skewClock(): void {
  const RealDate = Date;
  RealDate.now = now;
  globalThis.Date = new Proxy(RealDate, {
    construct: (target, args, newTarget) =>
      Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget),
    apply: (target) => new target(now()).toString(),
  });
}
