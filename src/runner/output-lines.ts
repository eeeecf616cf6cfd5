import type { LogRecord } from '../job/run-result.ts';
import type { Redactor } from '../job/secrets/redactor.ts';

/** 16 KiB of UTF-8 whatever the characters: three bytes a UTF-16 unit. */
const RECORD_MAX_CHARACTERS = 5461;
/** More lines than this in one read are a flood, and share records. */
const FLOOD_LINES = 200;

export interface OutputLines {
  push(bytes: Uint8Array): void;
  /** Passes on an unfinished line at once: what follows belongs to another script line. */
  flush(): void;
  end(): void;
}

/**
 * One stream of a job as log records: bytes → text (invalid UTF-8 becomes U+FFFD) → redacted → lines.
 * A line without its newline is passed on after `partialMs`, marked `p`, and goes on in the next record.
 */
export function outputLines(options: {
  stream: 'out' | 'err';
  redactor: Redactor;
  partialMs: number;
  seconds: () => number;
  emit: (record: LogRecord) => void;
}): OutputLines {
  const { stream, redactor, emit, seconds } = options;
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  let rest = '';
  let timer: NodeJS.Timeout | null = null;

  const partial = (text: string) => emit({ s: stream, t: seconds(), d: text, p: true });
  const flush = () => {
    if (timer !== null) clearTimeout(timer);
    timer = null;
    if (rest === '') return;
    for (const piece of pieces(rest)) partial(piece);
    rest = '';
  };
  const take = (text: string) => {
    const end = text.lastIndexOf('\n');
    if (end === -1) {
      rest += text;
    } else {
      const complete = rest + text.slice(0, end);
      rest = text.slice(end + 1);
      for (const line of linesOf(complete)) {
        const parts = pieces(line);
        const last = parts.pop() ?? '';
        for (const part of parts) partial(part);
        emit({ s: stream, t: seconds(), d: last });
      }
    }
    if (rest.length >= RECORD_MAX_CHARACTERS) flush();
    if (rest !== '') timer ??= setTimeout(flush, options.partialMs);
    else if (timer !== null) clearTimeout(timer);
    if (rest === '') timer = null;
  };

  return {
    flush() {
      take(redactor.settle());
      flush();
    },
    push: (bytes) => take(redactor.push(decoder.decode(bytes, { stream: true }))),
    end() {
      take(redactor.push(decoder.decode()) + redactor.end());
      flush();
    },
  };
}

/** The text's lines; of a flood, as many to a record as it holds (splitting millions of lines takes minutes). */
function linesOf(text: string): string[] {
  let count = 0;
  for (let at = text.indexOf('\n'); at !== -1 && count <= FLOOD_LINES; at = text.indexOf('\n', at + 1))
    count += 1;
  if (count <= FLOOD_LINES) return text.split('\n');
  const groups: string[] = [];
  let at = 0;
  while (text.length - at > RECORD_MAX_CHARACTERS) {
    const last = text.lastIndexOf('\n', at + RECORD_MAX_CHARACTERS);
    // A line longer than a record is cut later, by pieces().
    const end = last >= at ? last : text.indexOf('\n', at);
    if (end === -1) break;
    groups.push(text.slice(at, end));
    at = end + 1;
  }
  groups.push(text.slice(at));
  return groups;
}

/** The text in pieces a record can hold, never cutting a surrogate pair. */
function pieces(text: string): string[] {
  const parts: string[] = [];
  let at = 0;
  while (text.length - at > RECORD_MAX_CHARACTERS) {
    const unit = text.charCodeAt(at + RECORD_MAX_CHARACTERS - 1);
    const end = at + RECORD_MAX_CHARACTERS - (unit >= 0xd800 && unit < 0xdc00 ? 1 : 0);
    parts.push(text.slice(at, end));
    at = end;
  }
  parts.push(text.slice(at));
  return parts;
}
