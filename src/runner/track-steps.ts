import { writeSync } from 'node:fs';
import type { LogRecord, Step } from '../job/run-result.ts';
import { type Mark, parseMark } from './shell-driver.ts';

/**
 * Takes marks, and answers when a line is to start. One turn of the event loop lies
 * between: what the line printed was in the pipes before its mark, so it is read by then.
 */
export function markReader(answerTo: number, take: (mark: Mark) => void): (bytes: Buffer) => void {
  let rest = '';
  return (bytes) => {
    const text = rest + bytes.toString('latin1');
    const end = text.lastIndexOf('\n') + 1;
    // No mark is longer: a job that writes to the descriptor without end must not fill the memory.
    rest = text.slice(end).slice(0, 64);
    const marks = text
      .slice(0, end)
      .split('\n')
      .map(parseMark)
      .filter((mark) => mark !== null);
    setImmediate(() => {
      for (const mark of marks) {
        take(mark);
        if (mark.kind === 'started') answer(answerTo);
      }
    });
  };
}

function answer(fd: number): void {
  try {
    writeSync(fd, '\n');
  } catch {
    // The shell is gone (EPIPE, EBADF): nobody waits for an answer.
  }
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
