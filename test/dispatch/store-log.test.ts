import fc from 'fast-check';
import { expect, it } from 'vitest';
import { nextTail } from '../../src/dispatch/store-log.ts';
import { readLog } from '../../src/store/logs.ts';
import { queueJobs, runResult, startDispatch } from '../support/dispatch.ts';

it.each([
  [0, 10_000],
  [9_999, 10_000],
  [10_000, 20_000],
  [59_999, 60_000],
  [60_000, 120_000],
  [119_999, 120_000],
  [150_000, 180_000],
])('brings the tail up to date, %i ms after the start, at %i', (elapsed, due) => {
  expect(nextTail(1_000, 1_000 + elapsed)).toBe(1_000 + due);
});

it('holds exactly the bytes of the log, whatever is sent twice, late, overlapping or too early (property)', async () => {
  const { store, runner, clock } = await startDispatch();
  let number = 0;
  const piece = fc.record({ from: fc.nat(300), length: fc.nat(120) });
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ minLength: 1, maxLength: 300 }),
      fc.array(piece, { maxLength: 12 }),
      async (log, pieces) => {
        number += 1;
        clock.now += 1;
        await queueJobs(store, { id: `2025-11-22-${1000 + number}` });
        const one = runner();
        const offer = await one.take();
        const send = async (offset: number, bytes: Uint8Array) => {
          const data = Buffer.from(bytes).toString('base64');
          const response = await one.sync(offer, { log: { offset, data } });
          return { status: response.status, ...((await response.json()) as { offset: number }) };
        };
        let committed = 0;
        for (const { from, length } of pieces) {
          const bytes = log.slice(from, from + length);
          const answer = await send(from, bytes);
          const end = from + bytes.length;
          // A piece counts when it goes on where the log ends, or is there already.
          const known = bytes.length === 0 || end <= committed;
          expect(answer.status).toBe(known || from === committed ? 200 : 416);
          if (from === committed) committed = Math.max(committed, end);
          expect(answer.offset).toBe(committed);
          expect(Buffer.compare(await readLog(store.db, offer.run), log.slice(0, committed))).toBe(0);
        }
        expect((await send(committed, log.slice(committed))).offset).toBe(log.length);
        const finish = { phase: 'finished' as const, result: runResult({ log_bytes: log.length }) };
        expect((await one.sync(offer, finish)).status).toBe(200);
        expect(Buffer.compare(await readLog(store.db, offer.run), log)).toBe(0);
      },
    ),
    { numRuns: 60 },
  );
});
