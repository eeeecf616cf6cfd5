import { scriptEntries } from './script-entries.ts';

/**
 * What an ask is without a model: one `sh` or `bash` block is a job with exactly these lines, one `json`
 * block is the job file itself, one `codex` block is a brief for the agent, word for word. `title` is the text between the trigger word and the end of its line, null
 * if there is none. Everything else is prose, for the model.
 */
export type FencedPlan =
  | { kind: 'shell'; title: string | null; script: string[] }
  | { kind: 'job_file'; title: string | null; text: string }
  | { kind: 'brief'; title: string | null; prompt: string }
  | { kind: 'prose' }
  | { kind: 'invalid'; code: FencedError };

/** `fence_unclosed`: the block has no end, so its last lines may be missing. `fence_empty`: no command in it. */
type FencedError = 'fence_unclosed' | 'fence_empty';

interface Fence {
  indent: number;
  /** The fence's own characters, e.g. three backticks. */
  mark: string;
  language: string;
}

const PROSE: FencedPlan = { kind: 'prose' };
/** CommonMark 0.31 section 4.5; the info string of a backtick fence holds no backtick. */
const OPENING = /^( {0,3})(`{3,}(?=[^`]*$)|~{3,})[ \t]*([^\s`]*)/;

/** @param text the ask after its trigger word: the rest of that line and everything below it */
export function fencedPlan(text: string): FencedPlan {
  const lines = text.replaceAll('\r\n', '\n').replaceAll('\r', '\n').split('\n');
  let at = 0;
  let title: string | null = null;
  if (!opening(lines[0] ?? '')) {
    title = lines[0]?.trim() || null;
    at = 1;
  }
  while (at < lines.length && blank(lines[at])) at += 1;

  const fence = opening(lines[at] ?? '');
  const kind = fence && kindOf(fence.language);
  if (!fence || !kind) return PROSE;

  const end = lines.findIndex((line, index) => index > at && closes(line, fence));
  if (end < 0) return { kind: 'invalid', code: 'fence_unclosed' };
  if (!lines.slice(end + 1).every(blank)) return PROSE;

  const body = lines.slice(at + 1, end).map((line) => unindented(line, fence.indent));
  if (body.every(blank)) return { kind: 'invalid', code: 'fence_empty' };
  if (kind === 'job_file') return { kind, title, text: `${body.join('\n')}\n` };
  if (kind === 'brief') return { kind, title, prompt: body.join('\n') };
  const script = scriptEntries(body);
  return script.length > 0 ? { kind, title, script } : { kind: 'invalid', code: 'fence_empty' };
}

function kindOf(language: string): 'shell' | 'job_file' | 'brief' | null {
  const name = language.toLowerCase();
  if (name === 'sh' || name === 'bash') return 'shell';
  if (name === 'codex') return 'brief';
  return name === 'json' ? 'job_file' : null;
}

function opening(line: string): Fence | null {
  const match = OPENING.exec(line);
  if (!match) return null;
  return { indent: match[1]?.length ?? 0, mark: match[2] ?? '', language: match[3] ?? '' };
}

function closes(line: string, fence: Fence): boolean {
  const match = /^ {0,3}(`+|~+)[ \t]*$/.exec(line);
  return match?.[1]?.startsWith(fence.mark) ?? false;
}

function unindented(line: string, indent: number): string {
  const spaces = /^ */.exec(line)?.[0].length ?? 0;
  return line.slice(Math.min(spaces, indent));
}

function blank(line: string | undefined): boolean {
  return line === undefined || line.trim() === '';
}
