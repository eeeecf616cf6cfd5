import type { LogRecord, Step } from '../../job/run-result.ts';
import { createRedactor } from '../../job/secrets/redact.ts';
import { JOB_REPORT_MAX_BYTES } from '../job-report.ts';
import { outputLines } from '../output-lines.ts';
import { parseMark } from '../shell-driver.ts';
import { stepTracker } from '../track-steps.ts';
import { type Frame, lineCutter, parseFrame } from './pod-wrapper.ts';

/** What a pod's log has told so far. */
export interface PodStory {
  steps: Step[];
  /** Why the job was not started; null: it was, or that is not known yet. */
  notStarted: string | null;
  /** What the wrapper ended the job for. */
  stopped: 'timeout' | 'term' | null;
  exitCode: number | null;
  /** The file GURUGURU_REPORT, as far as it has come. */
  report: Buffer | null;
  reportLeftOut: string | null;
  /** The last frame has come. */
  complete: boolean;
  /** Seconds since the start, as of the last frame. */
  seconds: number;
  /** Frames that are gone: the node has rotated the log away. */
  missing: number;
}

/**
 * Makes log records of a pod's log, from its beginning each time it is read: frames that came before are
 * passed over, and a cut line waits for the next reading. Nothing here looks at a clock, so the same frames
 * give the same records, byte for byte.
 */
export function frameRecords(options: {
  hide: readonly string[];
  /** So many records are in the run's log already, from an earlier process of the runner. Default: none. */
  skip?: number;
  onRecord: (record: LogRecord) => void;
}) {
  const story: PodStory = {
    steps: [],
    notStarted: null,
    stopped: null,
    exitCode: null,
    report: null,
    reportLeftOut: null,
    complete: false,
    seconds: 0,
    missing: 0,
  };
  let last = 0;
  let closed = false;
  let skip = options.skip ?? 0;
  const emit = (record: LogRecord) => {
    if (skip > 0) skip -= 1;
    else options.onRecord(record);
  };
  const seconds = () => story.seconds;
  const lines = (stream: 'out' | 'err') =>
    outputLines({
      stream,
      redactor: createRedactor(options.hide),
      // The wrapper says when a line has to be shown without its end.
      partialMs: 2 ** 31 - 1,
      seconds,
      emit,
    });
  const output = { out: lines('out'), err: lines('err') };
  const flush = () => {
    output.out.flush();
    output.err.flush();
  };
  const tracker = stepTracker(seconds, emit, flush);
  story.steps = tracker.list;
  const close = () => {
    if (closed) return;
    closed = true;
    output.out.end();
    output.err.end();
    if (story.exitCode !== null) tracker.end(story.exitCode, story.seconds);
  };

  const take = (frame: Frame) => {
    if (frame.number <= last) return;
    story.missing += frame.number - last - 1;
    // Which records came of what is gone is not known: rather twice than not at all.
    if (story.missing > 0) skip = 0;
    last = frame.number;
    story.seconds = frame.milliseconds / 1000;
    const text = () => frame.payload.toString('utf8');
    switch (frame.kind) {
      case 'O':
        return output.out.push(frame.payload);
      case 'E':
        return output.err.push(frame.payload);
      case 'F':
        return flush();
      case 'M': {
        const mark = parseMark(text());
        return mark === null ? undefined : tracker.take(mark);
      }
      case 'N':
        story.notStarted = text();
        return;
      case 'T':
        story.stopped = text() === 'timeout' ? 'timeout' : 'term';
        return;
      case 'X':
        story.exitCode = Number(text());
        return close();
      case 'R':
        if ((story.report?.length ?? 0) <= JOB_REPORT_MAX_BYTES)
          story.report = Buffer.concat([story.report ?? Buffer.alloc(0), frame.payload]);
        return;
      case 'r':
        story.reportLeftOut = text();
        return;
      case 'Z':
        story.complete = true;
        return close();
    }
  };

  return {
    story: story as Readonly<PodStory>,
    /** For one reading of the log from its beginning. */
    reading(): (bytes: Buffer) => void {
      return lineCutter((line) => {
        const frame = parseFrame(line);
        if (frame !== null) take(frame);
      });
    },
    /** No more will come: passes on what waits. `exitCode`: the container's, if the log does not tell. */
    finish(exitCode: number | null): void {
      story.exitCode ??= exitCode;
      close();
    },
  };
}
