import { writeSync } from 'node:fs';
import type { LogRecord, Step } from '../job/run-result.ts';
import { type Mark, parseMark } from './shell-driver.ts';

/** No mark is longer: a job that writes to the descriptor without end must not fill the memory. */
const MARK_MAX_CHARACTERS = 64;

/** Takes bytes of the marks' descriptor and passes on each mark. */
export function markReader(take: (mark: Mark) => void): (bytes: Buffer) => void {
  let rest = '';
  return (bytes) => {
    const lines = (rest + bytes.toString('latin1')).split('\n');
    rest = (lines.pop() ?? '').slice(0, MARK_MAX_CHARACTERS);
    for (const mark of lines.map(parseMark)) if (mark !== null) take(mark);
  };
}

interface Held {
  pair: number;
  push: () => void;
  /** Whether a turn without a mark has passed since it was read. */
  waited: boolean;
}

/**
 * Puts the marks of the driver and the output of the lines into one order. It rests on what a pipe and one
 * turn of the event loop (poll, then `setImmediate`) give:
 *
 * - What a line printed was in its pipe before its end mark was, so in the turn in which a mark is read it
 *   has been read too. Of two marks read at once that holds for the first; the second waits for the next turn.
 * - A line's start mark was in its pipe before what the line printed, so output on the pair that the current
 *   line does not use is the next line's if its mark is read one turn later at the latest. If none is, a
 *   process that an earlier line left in the background wrote it, and it is shown under the current line.
 *
 * Waking up for every mark of a script of quick lines takes a tenth of its time, so marks are read a moment after
 * the last one (`rest`), unless output says that there is one (`wake`).
 */
export function stepOrder(options: {
  /** Pairs of pipes that the lines use in turn. */
  pairs: number;
  take: (mark: Mark) => void;
  /** Lets the driver go on after a start mark. */
  answer: () => void;
  rest: () => void;
  wake: () => void;
}) {
  const { pairs, take, answer, rest, wake } = options;
  const marks: Mark[] = [];
  let held: Held[] = [];
  let line = -1;
  let scheduled = false;

  const isCurrent = (pair: number) => pair === (line + pairs) % pairs;
  const schedule = () => {
    if (scheduled) return;
    if (marks.length === 0 && held.length === 0) {
      // Where each line waits for its own answer, a rest would hold it up.
      if (pairs > 1) rest();
      return;
    }
    scheduled = true;
    setImmediate(() => {
      scheduled = false;
      turn();
      schedule();
    });
  };
  const takeUpToStart = () => {
    for (let mark = marks.shift(); mark !== undefined; mark = marks.shift()) {
      if (mark.kind === 'started') {
        line = mark.line;
        // First the answer: what it lets the driver print is read in a later turn, and the records are made meanwhile.
        answer();
      }
      take(mark);
      if (mark.kind === 'started') return;
    }
  };
  const turn = () => {
    const marked = marks.length > 0;
    takeUpToStart();
    const left: Held[] = [];
    for (const output of held) {
      if (isCurrent(output.pair) || (output.waited && !marked)) output.push();
      else left.push({ ...output, waited: !marked });
    }
    held = left;
  };

  return {
    mark(mark: Mark) {
      marks.push(mark);
      schedule();
    },
    /** Passes `bytes` (the reader's buffer, copied if it has to wait) on to `push`, now or a turn or two later. */
    output(pair: number, bytes: Buffer, push: (bytes: Buffer) => void) {
      if (isCurrent(pair)) return push(bytes);
      const copy = Buffer.from(bytes);
      held.push({ pair, push: () => push(copy), waited: false });
      wake();
      schedule();
    },
    /** For when everything has been read: nothing waits any longer. */
    finish() {
      while (marks.length > 0) turn();
      for (const { push } of held) push();
      held = [];
    },
  };
}

/** Answers on a descriptor of `openChannels`. */
export function answerOn(fd: number): () => void {
  return () => {
    try {
      writeSync(fd, '\n');
    } catch {
      // The shell is gone (EPIPE, EBADF): nobody waits for an answer.
    }
  };
}

/** The steps of a run, and their records, from the driver's marks. `flush` passes on a line's unfinished output. */
export function stepTracker(seconds: () => number, emit: (record: LogRecord) => void, flush: () => void) {
  const list: Step[] = [];
  let open: { line: number; at: number } | null = null;
  const close = (exitCode: number, at: number) => {
    if (open === null) return;
    flush();
    const duration = Math.max(0, Math.round((at - open.at) * 1000) / 1000);
    list.push({ line: open.line, exit_code: exitCode, started_seconds: open.at, duration_seconds: duration });
    emit({ s: 'done', t: at, line: open.line, exit_code: exitCode });
    open = null;
  };
  return {
    list,
    take(mark: Mark) {
      const at = seconds();
      if (mark.kind === 'ended') {
        close(mark.exitCode, at);
      } else {
        open = { line: mark.line, at };
        emit({ s: 'step', t: at, line: mark.line });
      }
    },
    /** A line that ended the shell itself has no mark: its code is the shell's. */
    end: close,
  };
}
