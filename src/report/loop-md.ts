import { cell, codeCell } from '../messages/markdown.ts';
import type { ShownVerdict } from '../messages/views.ts';
import { verdictSymbol } from './verdict-symbol.ts';

/** One ended run as reports/loop.md lists it. */
export interface LoopEntry {
  id: string;
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

/** Entries kept. */
export const LOOP_ENTRIES = 30;

const HEADER = '| finished | job | run | verdict | title | why | report |\n|---|---|---|---|---|---|---|';

/**
 * reports/loop.md as a whole, newest first. Read by people and by the planner; in English, since one file
 * serves asks in every language.
 */
export function renderLoop(entries: readonly LoopEntry[]): string {
  return layOut(entries.map(renderRow));
}

/**
 * The file with one more ended run; `previousText` null = there is none yet. A run already listed is
 * replaced, so applying an entry twice changes nothing. What is not one of our rows is not kept.
 */
export function updateLoop(previousText: string | null, entry: LoopEntry): string {
  const row = renderRow(entry);
  const others = (previousText ?? '')
    .split(/\r?\n/)
    .filter((line) => isRow(line) && keyOf(line) !== keyOf(row));
  return layOut([row, ...others]);
}

function renderRow(entry: LoopEntry): string {
  const fromReports = entry.report.replace(/^reports\//, '').replace(/[^\w./-]/g, encodeURIComponent);
  return `| ${[
    utcMinute(entry.finishedAt),
    codeCell(entry.id),
    String(entry.attempt),
    `${verdictSymbol(entry.verdict)} ${entry.verdict}`,
    cell(entry.title, 80) || '–',
    cell(entry.reason, 160) || '–',
    `[report](${fromReports})`,
  ].join(' | ')} |`;
}

/** `2025-11-22 03:04 UTC`: sorts as text. */
function utcMinute(iso: string): string {
  const at = new Date(iso);
  return Number.isNaN(at.getTime())
    ? cell(iso, 40)
    : `${at.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

function isRow(line: string): boolean {
  return /^\| \d{4}-\d\d-\d\d \d\d:\d\d UTC \| `[^`]+` \| \d+ \| /.test(line);
}

function cellsOf(row: string): string[] {
  return row
    .split(/(?<!\\)\|/)
    .slice(1, -1)
    .map((text) => text.trim());
}

function keyOf(row: string): string {
  return cellsOf(row).slice(1, 3).join(' ');
}

function layOut(rows: readonly string[]): string {
  const newest = rows
    .toSorted((a, b) => (orderOf(a) < orderOf(b) ? 1 : orderOf(a) > orderOf(b) ? -1 : 0))
    .slice(0, LOOP_ENTRIES);
  return [
    '# Loop',
    '',
    `The last ${LOOP_ENTRIES} runs, newest first. guruguru writes this file with every report.`,
    '',
    lastRun(newest[0]),
    '',
    ...(newest.length > 0 ? [HEADER, ...newest, ''] : []),
  ].join('\n');
}

function orderOf(row: string): string {
  const [finished = '', id = '', run = ''] = cellsOf(row);
  return `${finished} ${id} ${run.padStart(6, '0')}`;
}

function lastRun(row: string | undefined): string {
  if (row === undefined) return 'Nothing has run yet.';
  const [finished, id, run, verdict, title, why, report] = cellsOf(row);
  return `**Last run:** ${id} (run ${run}) ended ${finished}: ${verdict}. ${title}: ${why} (${report})`;
}
