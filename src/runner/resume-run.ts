import { readFileSync, rmSync } from 'node:fs';
import { parseJob } from '../job/parse-job.ts';
import { decodeLog } from '../job/render-log.ts';
import { approvedPath } from '../job/tick-id.ts';
import { cutToRecords, LOG_HEAD_BYTES, type LogSpoolPaths, openLogSpool } from './log-spool.ts';
import type { OfferContext, OngoingRun } from './offer-context.ts';
import { makeRunFolder, removeRunFolder } from './run-folder.ts';
import type { SpooledRun } from './state-directory.ts';
import { superviseRun } from './supervise-run.ts';
import type { RunSync } from './sync-run.ts';

/**
 * Takes up a run whose pod went on while this runner was away: its log goes on where it stood, and nothing is
 * started. Returns the offset up to which the app has the log.
 */
export async function resumeRun(
  run: SpooledRun,
  context: OfferContext,
  onGoing: (run: OngoingRun) => void,
): Promise<number> {
  const { offer } = run;
  const parsed = parseJob(offer.file, { path: approvedPath(offer.job_id) });
  // It was parsed before it was started.
  if (!parsed.ok) throw new Error(`${offer.run}: the job file of a started run does not parse`);
  const paths = context.state.logPaths(offer.run);
  const skip = keptRecords(paths);
  let sync: RunSync | null = null;
  const log = openLogSpool(paths, undefined, () => sync?.grown());
  const folder = makeRunFolder();
  folder.catch(() => undefined);
  context.say(`${offer.run}: taking up ${offer.job_id} of ${offer.repository} again`);
  try {
    return await superviseRun(run, parsed.job, context, {
      folder,
      log,
      resume: true,
      skip,
      onSync: (going) => {
        sync = going;
        onGoing(going);
      },
    });
  } finally {
    await folder.then(removeRunFolder, () => undefined);
  }
}

/**
 * How many records of the pod's log the run's log holds; all later ones are made anew. A log longer than its head
 * was finished before, tail and all.
 */
function keptRecords(paths: LogSpoolPaths): number {
  const bytes = cutToRecords(paths.uploadPath);
  rmSync(paths.fullPath, { force: true });
  if (bytes === 0) return 0;
  if (bytes > LOG_HEAD_BYTES) return Number.POSITIVE_INFINITY;
  return decodeLog(readFileSync(paths.uploadPath)).filter((record) => record.s !== 'note').length;
}
