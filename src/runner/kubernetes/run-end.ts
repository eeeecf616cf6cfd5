import type { ShellResult } from '../execute-shell.ts';
import type { Followed } from './follow-run.ts';
import type { PodStory } from './frame-records.ts';

const UNKNOWN = 'How far the job came is not known; see its log, then /retry if it may run again.';

type RunEnd = Pick<ShellResult, 'outcome'> &
  Partial<Pick<ShellResult, 'exit_code' | 'signal' | 'message'>> & { notes: string[] };

/** Pure: what a run came to, from its log, its pod's end and what the runner itself did. */
export function runEnd(facts: {
  story: Readonly<PodStory>;
  followed: Followed;
  /** Why it was cancelled; null: it was not. */
  cancelled: string | null;
  timeoutMinutes: number;
}): RunEnd {
  const { story, followed, cancelled } = facts;
  const { state, gaveUp } = followed;
  const started = story.steps.length > 0 || story.exitCode !== null || story.seconds > 0;
  const code = story.exitCode;
  const notes = story.missing > 0 ? [missingNote(story.missing)] : [];
  const exited = { outcome: 'exited' as const, exit_code: code, notes };
  const failed = (message: string): RunEnd => ({ outcome: 'runner_error', exit_code: code, message, notes });

  if (story.stopped === 'timeout') {
    return {
      outcome: 'timeout',
      exit_code: code,
      message: `the job was ended after its timeout of ${facts.timeoutMinutes} minutes (timeout_minutes)`,
      notes,
    };
  }
  if (story.notStarted !== null) return { outcome: 'refused', message: story.notStarted, notes };
  // What had ended by itself before the cancel came has its own end.
  if (story.complete && story.stopped === null) return exited;
  if (cancelled !== null) {
    const message = started ? cancelled : `${cancelled} before the first line ran`;
    return { outcome: 'cancelled', exit_code: code, message, notes };
  }
  if (gaveUp !== null) {
    return started
      ? failed(`${gaveUp}. ${UNKNOWN}`)
      : { outcome: 'refused', message: `its pod was removed and nothing of it was run: ${gaveUp}`, notes };
  }
  switch (state?.kind) {
    case 'hopeless':
      return {
        outcome: 'refused',
        message: `nothing of it was run: ${state.why}. Correct what this runner's pods are made of (docs/kubernetes.md), then /retry.`,
        notes,
      };
    case 'ended':
      if (state.oomKilled) {
        notes.push('the container used more memory than its limit and was killed (OOMKilled)');
        return { outcome: 'exited', exit_code: null, signal: 'SIGKILL', notes };
      }
      if (state.why !== null || story.stopped === 'term')
        return failed(`${state.why ?? 'its container was told to stop (SIGTERM)'}. ${UNKNOWN}`);
      notes.push("the end of the pod's log is missing; the exit code is the container's");
      return exited;
    case 'gone':
      return failed(`${state.why}. ${UNKNOWN}`);
    default:
      return failed(`its container was told to stop (SIGTERM). ${UNKNOWN}`);
  }
}

function missingNote(count: number): string {
  return `${count} part(s) of the pod's log are no longer on its node: what is above may have gaps, or lines twice`;
}
