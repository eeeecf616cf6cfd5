import { afterAll, describe, expect, it } from 'vitest';
import { playScenario } from '../support/simulation/scenario.ts';

/** Seeds that once broke a promise. */
const REGRESSIONS: [number, string][] = [
  [9, 'a run had no record, because /retry came before its report was committed'],
];

const SEEDS = 100;
let commits = 0;

describe('the lease protocol on a virtual clock', () => {
  afterAll(() =>
    console.log(`simulation: ${SEEDS} seeds, ${commits} commits; more: npm run simulate -- --seeds 10000`),
  );

  it.each(REGRESSIONS)('keeps its promises with seed %i: %s', async (seed) => {
    const { broken, trace } = await playScenario(seed);
    expect(broken, trace.join('\n')).toEqual([]);
  });

  it(`keeps its promises with ${SEEDS} other seeds`, async () => {
    for (let seed = 1; seed <= SEEDS; seed += 1) {
      const outcome = await playScenario(seed);
      commits += outcome.commits;
      expect(outcome.broken, `npm run simulate -- --seed ${seed}\n${outcome.trace.join('\n')}`).toEqual([]);
    }
  }, 120_000);

  it('plays a seed the same way again', async () => {
    const first = await playScenario(7);
    expect((await playScenario(7)).trace).toEqual(first.trace);
  });
});
