import type { JudgedFigure } from './figure.ts';

const HEAD = ['', 'figure', 'ours', 'baseline', 'ratio', 'bound'];

/** The table as text for a terminal; notes stand below it. */
export function table(figures: readonly JudgedFigure[]): string {
  const rows = [HEAD, ...figures.map(cells)];
  const widths = HEAD.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const lines = rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  const notes = figures.flatMap(({ row, what, note }) => (note ? [`  ${row}, ${what}: ${note}`] : []));
  return [...lines, ...(notes.length > 0 ? ['', ...notes] : [])].join('\n');
}

function cells({ row, what, unit, ours, baseline, ratio, bound, ok }: JudgedFigure): string[] {
  return [
    ok ? 'ok  ' : 'MISS',
    `${row}: ${what}`,
    `${short(ours)} ${unit}`,
    baseline === null ? '—' : `${short(baseline)} ${unit}`,
    ratio === null ? '—' : `${short(ratio)} ×`,
    bound,
  ];
}

function short(value: number): string {
  return value >= 100 || Number.isInteger(value) ? value.toFixed(0) : value.toPrecision(3);
}
