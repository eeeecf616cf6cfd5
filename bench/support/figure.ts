/** What a figure has to reach. */
export type Bound =
  /** ours ≤ `times` × baseline */
  | { kind: 'at_most_times'; times: number }
  /** baseline ≥ `times` × ours */
  | { kind: 'times_faster'; times: number }
  /** ours ≤ `value`, in the figure's unit */
  | { kind: 'at_most'; value: number };

export type Unit = 'ms' | 's' | 'MB' | 'requests';

/** One measured line of the table. */
export interface Figure {
  what: string;
  unit: Unit;
  ours: number;
  /** null where a figure has none. */
  baseline: number | null;
  bound: Bound;
  /** How it was measured, or what else was seen; one line. */
  note?: string;
}

export interface JudgedFigure extends Omit<Figure, 'bound'> {
  row: string;
  /** ours / baseline, or baseline / ours where faster is asked for. */
  ratio: number | null;
  bound: string;
  ok: boolean;
}

export interface RowOptions {
  /** Fewer samples: to see that the bench works, not to publish. */
  quick: boolean;
  /** Progress, for a person who waits. */
  say(line: string): void;
}

/** One row of the table in docs/benchmarks.md; it may give several figures. */
export interface Row {
  name: string;
  run(options: RowOptions): Promise<Figure[]>;
}

export function judge(row: string, { bound, ...figure }: Figure): JudgedFigure {
  const { ours, baseline, unit } = figure;
  switch (bound.kind) {
    case 'at_most': {
      const ratio = baseline === null ? null : ours / baseline;
      return { row, ...figure, ratio, bound: `≤ ${bound.value} ${unit}`, ok: ours <= bound.value };
    }
    case 'at_most_times': {
      const ratio = ours / known(figure);
      return { row, ...figure, ratio, bound: `≤ ${bound.times} ×`, ok: ratio <= bound.times };
    }
    case 'times_faster': {
      const ratio = known(figure) / ours;
      return { row, ...figure, ratio, bound: `≥ ${bound.times} × faster`, ok: ratio >= bound.times };
    }
  }
}

function known({ what, baseline }: Omit<Figure, 'bound'>): number {
  if (baseline === null) throw new Error(`${what}: a ratio needs a baseline`);
  return baseline;
}
