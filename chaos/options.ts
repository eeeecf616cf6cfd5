import { parseArgs } from 'node:util';

export interface ChaosOptions {
  seed: number;
  asks: number;
  runners: number;
  /** Of faults; the drain comes after them. */
  minutes: number;
  store: 'sqlite' | 'postgres';
  /** Only the last line. */
  json: boolean;
}

export const HELP = `npm run chaos -- [options]

  --seed <n>       everything random comes from it; default 1
  --asks <n>       default 100
  --runners <n>    default 3
  --minutes <n>    of faults, then a bounded drain; default 3
  --store <name>   sqlite or postgres; default sqlite
  --json           print nothing but the last line

Starts the app and its runners as processes against an emulated GitHub behind a faulty wire, kills and stops
them, and then compares what GitHub shows and what the jobs counted with what is promised
(docs/guarantees.md). The last line is one JSON object. Exit code 1 when a promise was broken: the logs are
kept and named; 2 when the options are wrong.
`;

export type ParsedOptions =
  | { kind: 'run'; options: ChaosOptions }
  | { kind: 'help' }
  | { kind: 'wrong'; message: string };

export function parseOptions(args: readonly string[]): ParsedOptions {
  let values: Record<string, string | boolean | undefined>;
  try {
    ({ values } = parseArgs({
      args: [...args],
      options: {
        seed: { type: 'string', default: '1' },
        asks: { type: 'string', default: '100' },
        runners: { type: 'string', default: '3' },
        minutes: { type: 'string', default: '3' },
        store: { type: 'string', default: 'sqlite' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    }));
  } catch (error) {
    return { kind: 'wrong', message: error instanceof Error ? error.message : String(error) };
  }
  if (values.help === true) return { kind: 'help' };
  const number = (name: string, least: number, whole: boolean) => {
    const value = Number(values[name]);
    const good = Number.isFinite(value) && value >= least && (!whole || Number.isInteger(value));
    return good ? value : `--${name}: must be a ${whole ? 'whole ' : ''}number, ${least} or more`;
  };
  const seed = number('seed', 0, true);
  const asks = number('asks', 1, true);
  const runners = number('runners', 1, true);
  const minutes = number('minutes', 0, false);
  const { store } = values;
  for (const value of [seed, asks, runners, minutes])
    if (typeof value === 'string') return { kind: 'wrong', message: value };
  if (store !== 'sqlite' && store !== 'postgres')
    return { kind: 'wrong', message: '--store: must be sqlite or postgres' };
  return {
    kind: 'run',
    options: {
      seed: Number(seed),
      asks: Number(asks),
      runners: Number(runners),
      minutes: Number(minutes),
      store,
      json: values.json === true,
    },
  };
}
