import { pino } from 'pino';
import { shiftClock, skewClock } from '../support/skewed-clock.ts';
import { APP_HEADER } from '../wire/github-faults.ts';
import type { AppStart, Order, Said } from './messages.ts';

/** The app with its times scaled down, told what to do by its parent and gone when that is gone. */
skewClock();
const { startApp } = await import('../../src/app.ts');
const { createToken } = await import('../../src/store/tokens.ts');

const say = (said: Said) => process.send?.(said);
process.on('disconnect', () => process.exit(1));
// A write beyond the limit on file sizes is to fail as on a full disk, not to end the process.
process.on('SIGXFSZ', () => {});

const start = await new Promise<AppStart & Order>((resolve) => process.once('message', resolve));
if (start.clockMs) shiftClock(start.clockMs);
const realFetch = globalThis.fetch;
globalThis.fetch = (input, init) => {
  const headers = new Headers(init?.headers);
  headers.set(APP_HEADER, start.name);
  return realFetch(input, { ...init, headers });
};
const { firstMs, mostMs } = start.backoff;
const log = pino(
  { name: 'guruguru', level: start.config.logLevel },
  {
    write(line) {
      process.stdout.write(line);
      if (line.includes('"msg":"working"')) say({ ready: true });
    },
  },
);
const app = await startApp(start.config, log, {
  leases: start.leases,
  modelTimeoutMs: start.modelTimeoutMs,
  worker: {
    backoff(attempts) {
      const full = Math.min(firstMs * 2 ** (attempts - 1), mostMs);
      return Math.round(full / 2 + (Math.random() * full) / 2);
    },
  },
});

process.on('message', (order: Order) => {
  if (order.clockMs !== undefined) shiftClock(order.clockMs);
  const { token } = order;
  if (!token) return;
  void app.store
    .write((tx) => createToken(tx, token.name, [token.repository], Date.now()))
    .then((made) => say({ token: made.token }));
});
process.on('SIGTERM', () => void app.stop().then(() => process.exit(0)));
