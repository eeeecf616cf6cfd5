import { cpus, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { acknowledgement } from './rows/acknowledgement.ts';
import { askToPull } from './rows/ask-to-pull.ts';
import { memory } from './rows/memory.ts';
import { mergeToCommand } from './rows/merge-to-command.ts';
import { polling } from './rows/polling.ts';
import { requests } from './rows/requests.ts';
import { runnerOverhead } from './rows/runner-overhead.ts';
import { type JudgedFigure, judge, type Row } from './support/figure.ts';
import { table } from './support/table.ts';

const ROWS: readonly Row[] = [
  acknowledgement,
  askToPull,
  mergeToCommand,
  runnerOverhead,
  requests,
  polling,
  memory,
];

const HELP = `npm run bench -- [options]

  --only <name>  one row: ${ROWS.map(({ name }) => name).join(', ')}
  --quick        fewer samples
  --json         one JSON object on the last line

Exit code 1 when a figure misses its bound. What each row means: docs/benchmarks.md
`;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      only: { type: 'string' },
      quick: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  const rows = ROWS.filter(({ name }) => values.only === undefined || name === values.only);
  if (rows.length === 0) {
    console.error(`--only: there is no row "${values.only}"\n\n${HELP}`);
    return 2;
  }
  const figures: JudgedFigure[] = [];
  const errors: { row: string; message: string }[] = [];
  for (const { name, run } of rows) {
    const say = (line: string) => console.log(`${name}: ${line}`);
    try {
      for (const figure of await run({ quick: values.quick, say })) figures.push(judge(name, figure));
    } catch (error) {
      errors.push({ row: name, message: String(error) });
      console.error(`${name}: could not be measured`, error);
    }
  }
  const ok = errors.length === 0 && figures.every((figure) => figure.ok);
  console.log(`\n${table(figures)}\n`);
  for (const { row, message } of errors) console.log(`${row} could not be measured: ${message}`);
  const machine = {
    cpus: cpus().length,
    model: cpus()[0]?.model ?? '',
    memoryBytes: totalmem(),
    node: process.version,
  };
  console.log(
    `${ok ? 'every figure is within its bound' : 'NOT every figure is within its bound'}; ${machine.cpus} cores, Node ${machine.node}${values.quick ? ', quick' : ''}`,
  );
  if (values.json) {
    const at = new Date().toISOString();
    console.log(JSON.stringify({ ok, at, quick: values.quick, machine, figures, errors }));
  }
  return ok ? 0 : 1;
}

process.exitCode = await main();
