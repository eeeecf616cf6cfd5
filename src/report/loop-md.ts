import { cell, codeCell } from '../messages/markdown.ts';
import type { ShownVerdict } from '../messages/views.ts';
import { cellsOf, linkFromReports, UTC_MINUTE, utcMinute } from './loop-rows.ts';
import { foldRun, type Standing, standingsOf } from './loop-standings.ts';
import { verdictSymbol } from './verdict-symbol.ts';

/** One ended run as reports/loop.md lists it. */
export interface LoopEntry {
  id: string;
  /** What it is about: runs with one title are one thing that is green or red. */
  title: string;
  verdict: ShownVerdict;
  /** One line: why. */
  reason: string;
  /** ISO 8601, UTC. */
  finishedAt: string;
  /** 1-based. */
  attempt: number;
  /** Path of the log or record in the repository, e.g. `reports/jobs/2025-11-22-001.out`. */
  report: string;
}

/** One line of a list: who it is about, and what is said of it (one line of Markdown); null: nothing any more. */
export interface LoopLine {
  key: string;
  text: string | null;
}

/** What a commit has to add; what it does not name stays as it is. */
export interface LoopNews {
  runs?: readonly LoopEntry[];
  goals?: readonly LoopLine[];
  schedules?: readonly LoopLine[];
  /** All of them: the others are gone. */
  costs?: readonly LoopLine[];
}

/** Runs listed. */
export const LOOP_ENTRIES = 10;
const LINES_MAX = 20;

const SECTIONS = { goals: 'Running goals', schedules: 'Schedules', costs: 'Fixed costs' } as const;
const RUNS = `Last ${LOOP_ENTRIES} runs`;
const RUNS_HEADER =
  '| finished | job | run | verdict | title | why | report |\n|---|---|---|---|---|---|---|';

/**
 * reports/loop.md with what is new; `previousText` null = there is none yet. It is made from what it said
 * before and from data, never from words of a model, so that two commits at once lose nothing: the second is
 * made from the file of the first. A run that is listed already is replaced, so applying it twice changes
 * nothing. What is not one of our rows is not kept. In English, since one file serves asks in every language.
 */
export function updateLoop(previousText: string | null, news: LoopNews): string {
  const before = readLoop(previousText ?? '');
  let { runs, standings } = before;
  for (const entry of news.runs ?? []) {
    const row = renderRow(entry);
    runs = [row, ...runs.filter((other) => keyOf(other) !== keyOf(row))].toSorted(newestFirst);
    standings = foldRun(standings, runs.map(cellsOf), cellsOf(row));
    runs = runs.slice(0, LOOP_ENTRIES);
  }
  const lists = {
    goals: mergeLines(before.goals, news.goals ?? []),
    schedules: mergeLines(before.schedules, news.schedules ?? []),
    costs: news.costs ? mergeLines([], news.costs) : before.costs,
  };
  return layOut(runs, standings, lists);
}

interface LoopFile {
  runs: string[];
  standings: Standing[];
  goals: string[];
  schedules: string[];
  costs: string[];
}

function readLoop(text: string): LoopFile {
  const lines = text.split(/\r?\n/);
  const list = (title: string) => {
    const from = lines.indexOf(`## ${title}`);
    if (from < 0) return [];
    const rest = lines.slice(from + 1);
    const end = rest.findIndex((line) => line.startsWith('## '));
    return rest.slice(0, end < 0 ? undefined : end).filter((line) => /^- `[^`]+`: /.test(line));
  };
  return {
    runs: lines.filter(isRow).toSorted(newestFirst),
    standings: standingsOf(lines),
    goals: list(SECTIONS.goals),
    schedules: list(SECTIONS.schedules),
    costs: list(SECTIONS.costs),
  };
}

function mergeLines(before: readonly string[], news: readonly LoopLine[]): string[] {
  const start = (key: string) => `- ${codeCell(key)}: `;
  const others = before.filter((line) => !news.some(({ key }) => line.startsWith(start(key))));
  const said = news.flatMap(({ key, text }) =>
    text === null ? [] : `${start(key)}${text.replace(/\s+/g, ' ')}`,
  );
  return [...others, ...said].toSorted().slice(0, LINES_MAX);
}

function renderRow(entry: LoopEntry): string {
  return `| ${[
    utcMinute(entry.finishedAt),
    codeCell(entry.id),
    String(entry.attempt),
    `${verdictSymbol(entry.verdict)} ${entry.verdict}`,
    cell(entry.title, 80) || '–',
    cell(entry.reason, 160) || '–',
    `[report](${linkFromReports(entry.report)})`,
  ].join(' | ')} |`;
}

const ROW = new RegExp(
  `^\\| ${UTC_MINUTE} \\| \`[^\`]+\` \\| \\d+ \\| \\S+ (?:succeeded|failed|cancelled|lost) \\| `,
);
const isRow = (line: string) => ROW.test(line);

function keyOf(row: string): string {
  return cellsOf(row).slice(1, 3).join(' ');
}

function newestFirst(a: string, b: string): number {
  return orderOf(a) < orderOf(b) ? 1 : orderOf(a) > orderOf(b) ? -1 : 0;
}

function orderOf(row: string): string {
  const [finished = '', id = '', run = ''] = cellsOf(row);
  return `${finished} ${id} ${run.padStart(6, '0')}`;
}

function layOut(
  runs: readonly string[],
  standings: readonly Standing[],
  lists: Pick<LoopFile, 'goals' | 'schedules' | 'costs'>,
): string {
  const of = (colour: Standing['colour']) => standings.filter((one) => one.colour === colour);
  const table = (title: string, rows: readonly Standing[]) =>
    rows.length === 0
      ? []
      : [
          `## ${title}`,
          '',
          '| since | what | last run | ended | report |',
          '|---|---|---|---|---|',
          ...rows.map(
            ({ since, what, run, ended, report }) => `| ${[since, what, run, ended, report].join(' | ')} |`,
          ),
          '',
        ];
  const list = (key: keyof typeof SECTIONS) =>
    lists[key].length === 0 ? [] : [`## ${SECTIONS[key]}`, '', ...lists[key], ''];
  const [red, green] = [of('red'), of('green')];
  return [
    '# Loop',
    '',
    'How things stand, from the results alone. guruguru rewrites this file with every report.',
    '',
    runs.length === 0
      ? 'Nothing has run yet.'
      : `**Red: ${red.length}. Green: ${green.length}.** A thing is what its runs are called.`,
    '',
    ...table('Red', red),
    ...table('Green', green),
    ...list('goals'),
    ...list('schedules'),
    ...list('costs'),
    ...(runs.length === 0 ? [] : [`## ${RUNS}`, '', RUNS_HEADER, ...runs, '']),
  ].join('\n');
}
