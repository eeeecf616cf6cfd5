import { type Cleanup, withCleanup } from '../bench/support/cleanup.ts';
import { percentile } from '../bench/support/statistics.ts';
import { EFFECTS } from '../src/github/effect.ts';
import { type Outcome, playCampaign } from './campaign.ts';
import { type ChaosOptions, HELP, parseOptions } from './options.ts';

async function main(): Promise<number> {
  const parsed = parseOptions(process.argv.slice(2));
  if (parsed.kind === 'help') {
    console.log(HELP);
    return 0;
  }
  if (parsed.kind === 'wrong') {
    console.error(`${parsed.message}\n\n${HELP}`);
    return 2;
  }
  const { options } = parsed;
  const say = (line: string) => {
    if (!options.json) console.log(line);
  };
  say(
    `seed ${options.seed}: ${options.asks} asks, ${options.runners} runners, ${options.minutes} min of faults, ${options.store}`,
  );
  return withCleanup(async (cleanup) => {
    endOnSignal(cleanup);
    const outcome = await playCampaign(cleanup, options, say);
    return report(options, outcome, say);
  });
}

/** Whatever was started is ended, also on Ctrl-C. */
function endOnSignal(cleanup: Cleanup): void {
  const stopped = (signal: NodeJS.Signals) => {
    console.error(`${signal}: ending what was started`);
    process.exit(signal === 'SIGINT' ? 130 : 143);
  };
  process.on('SIGINT', stopped).on('SIGTERM', stopped);
  cleanup.defer(() => process.off('SIGINT', stopped).off('SIGTERM', stopped));
}

function report(options: ChaosOptions, outcome: Outcome, say: (line: string) => void): number {
  const { verdict, wounds, stage, people, drainSeconds } = outcome;
  const { violations, ends, ...counts } = verdict;
  const { deliveries, faults, model } = stage;
  say(
    `deliveries: ${JSON.stringify(deliveries.counts)}; GitHub: ${JSON.stringify(faults.counts)}; model: ${JSON.stringify(model.counts)}`,
  );
  say(`runs ended: ${JSON.stringify(ends)}`);
  say(
    `stops ${wounds.stops}, cuts ${wounds.cuts}, full disks ${wounds.fullDisks}, clock jumps ${wounds.clockJumps}, drained in ${drainSeconds} s`,
  );
  say(
    `the app died at: ${[...wounds.boundaries]
      .map(([name, times]) => `${name} ${times}×`)
      .sort()
      .join(', ')}`,
  );
  const met = new Set([...wounds.boundaries.keys()].map((name) => name.split(' ')[1]));
  const unmet = Object.keys(EFFECTS).filter((effect) => !met.has(effect));
  say(
    `not died at: ${unmet.join(', ') || 'none'} (test/e2e/survive-crash.test.ts and survive-effects.test.ts have them all)`,
  );
  for (const reason of wounds.notDone) say(`not done: ${reason}`);
  for (const failure of people.failures) say(`a person could not: ${failure}`);
  const crashes = [...stage.apps, ...stage.runners].flatMap(({ child }) => child.deaths());
  for (const crash of crashes) say(`ended by itself: ${crash}`);
  for (const { kind, what, seen } of violations) say(`BROKEN ${kind}: ${what}: ${seen}`);
  const ok = violations.length === 0 && people.asked.length === options.asks;
  if (ok) stage.discard();
  else console.error(`the logs are kept: ${stage.folder}/logs (campaign.log, app.log, runner-*.log)`);
  const kills = wounds.kills.app + wounds.kills.runner;
  const { recoveries } = wounds;
  const line = {
    ok,
    asks: people.asked.length,
    ...counts,
    violations: violations.length,
    kills,
    app_kills: wounds.kills.app,
    runner_kills: wounds.kills.runner,
    boundaries_hit: wounds.boundaries.size,
    recovery_p95_ms: recoveries.length > 0 ? Math.round(percentile(recoveries, 0.95)) : null,
    recoveries: recoveries.length,
    drain_seconds: drainSeconds,
    bound_per_ask: bound(people.asked.length),
    bound_per_kill: kills > 0 ? bound(kills) : null,
    seed: options.seed,
    runners: options.runners,
    minutes: options.minutes,
    store: options.store,
    ...(ok ? {} : { logs: `${stage.folder}/logs` }),
  };
  console.log(JSON.stringify(line));
  return ok ? 0 : 1;
}

/** Rule of three: after n trials without an event, its chance is below 3/n with 95 % confidence. */
function bound(trials: number): number {
  return Number((3 / trials).toPrecision(2));
}

process.exitCode = await main();
