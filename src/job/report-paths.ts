/** How things stand; rewritten with every report. */
export const LOOP_PATH = 'reports/loop.md';

/** Where a run's files go in the repository. A second run of one job has its own log: `<id>.2.out`. */
export function runLogPath(reportPath: string, attempt: number): string {
  return attempt <= 1 ? reportPath : reportPath.replace(/\.out$/, `.${attempt}.out`);
}

/** What an agent reported, as it came, and its diff where no PR has it: beside the log of the same run. */
export function eventsPath(reportPath: string, attempt: number): string {
  return runLogPath(reportPath, attempt).replace(/\.out$/, '.events.ndjson');
}

export function diffPath(reportPath: string, attempt: number): string {
  return runLogPath(reportPath, attempt).replace(/\.out$/, '.diff');
}

/** The result record stands beside the first log: `<id>.json`. */
export function recordPath(reportPath: string): string {
  return reportPath.replace(/\.out$/, '.json');
}

/** `jobs/done/<yyyy-mm>/<id>.json`, by the id's own date. */
export function donePath(jobId: string): string {
  return `jobs/done/${jobId.slice(0, 7)}/${jobId}.json`;
}

/** Where a goal stands: what was decided, its jobs and its end, written by the app. */
export function goalStatePath(id: string): string {
  return `reports/goals/${id}.json`;
}
