import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { type Outcome, playScenario } from './simulation/scenario.ts';

/**
 * `npm run simulate -- --seed 1 --seeds 10000`: plays scenarios of the lease protocol on a virtual clock, a
 * share on each core, and prints every seed that breaks a promise. One seed alone is printed with its trace.
 * Ends with 1 when a promise was broken.
 */
interface Share {
  seed: number;
  seeds: number;
  /** Of every so many seeds this share plays one. */
  step: number;
}

async function play(share: Share, tell: (outcome: Outcome) => void): Promise<void> {
  for (let seed = share.seed; seed < share.seed + share.seeds; seed += share.step)
    tell(await playScenario(seed));
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { seed: { type: 'string', default: '1' }, seeds: { type: 'string', default: '1' } },
  });
  const seed = Number(values.seed);
  const seeds = Number(values.seeds);
  const started = performance.now();
  const broken: number[] = [];
  let commits = 0;
  const tell = (outcome: Outcome) => {
    commits += outcome.commits;
    if (seeds === 1) console.log(outcome.trace.join('\n'));
    if (outcome.broken.length === 0) return;
    broken.push(outcome.seed);
    console.log(`seed ${outcome.seed}: ${outcome.broken.join('; ')}`);
  };
  const step = Math.min(availableParallelism(), seeds);
  if (step === 1) await play({ seed, seeds, step }, tell);
  else
    await Promise.all(
      Array.from({ length: step }, (_, n) => inWorker({ seed: seed + n, seeds: seeds - n, step }, tell)),
    );
  const seconds = Number(((performance.now() - started) / 1000).toFixed(1));
  console.log(JSON.stringify({ seed, seeds, commits, broken, seconds }));
  if (broken.length > 0) console.log(`see what happened: npm run simulate -- --seed ${broken[0]}`);
  process.exit(broken.length > 0 ? 1 : 0);
}

function inWorker(share: Share, tell: (outcome: Outcome) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL(import.meta.url), { workerData: share });
    worker.on('message', tell);
    worker.on('error', reject);
    worker.on('exit', () => resolve());
  });
}

if (isMainThread) await main();
else
  await play(workerData as Share, ({ trace: _, ...outcome }) =>
    parentPort?.postMessage({ ...outcome, trace: [] }),
  ).then(() => process.exit(0));
