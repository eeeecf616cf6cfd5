/** Announced to the sync that waits for news of a run. */
export function runTopic(runId: string): string {
  return `run:${runId}`;
}

/** Announced to the sync of a runner process when a newer one of its name replaced it. */
export function processTopic(process: string): string {
  return `process:${process}`;
}
