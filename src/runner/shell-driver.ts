import { PAIRS } from './fifos.ts';

/**
 * The script that runs one job's lines in one bash, and the marks it makes.
 *
 * Each line is handed to `eval` as one quoted word, so that nothing in it can reach the driver. The marks
 * go to descriptor 29 (28 brings the answers) and never through the output; 3-9 and 200 stay free for the job, and `29>&- 28<&-` on the
 * eval takes them away from the job's commands (bash puts them back afterwards, also when the job
 * closes or moves them). The other pairs of outputs are left to it: they lead to where its output goes anyway, and
 * closing one took 4 % of the time of `/bin/true`. Only what bash 3.2 (macOS) has is used: no BASH_XTRACEFD, no `${x@Q}`.
 *
 * No output may be shown under the wrong line, so the runner takes in what a line has printed before it lets
 * another line write to the same pipe: it answers a mark with one newline on 28. When the runner is gone
 * `read` meets the end at once. There are two ways, because the answer takes a quarter of the time of `/bin/true`:
 *
 * - **in turn**: line 0 prints to the pair of pipes in 1 and 2, line 1 to a second pair in 30 and 31, and so on to the
 *   last pair, then to the first again. A line then waits only for the answer to the mark of the line before which its
 *   pair was used last, which has come long since.
 * - **one by one**: all lines print to one pair and wait for the answer to their own mark. This is for a script
 *   that may look back (`$?` of the line before, `set -x`) or may move its output for good (`exec > log`), which
 *   the redirection of the eval would undo. `__guruguru_in` runs inside the eval, before the line: it gives the line
 *   the `$?` and the `set -x` of the one before it. `… && :` because a status must not trip errexit here.
 *   `__guruguru_out` runs inside the eval, after the line: keeps `$?`, turns tracing off. Both run under
 *   `2>/dev/null`, so that a job's `set -x` shows the job's commands and not ours.
 *
 * The status is kept inside the eval because errexit must see the job's own commands only: `[ -f x ] && rm x` has
 * status 1 and goes on in plain bash, while an `eval` with status 1 would end it. The last code is the process's own
 * exit code: a trap on EXIT would take the job's away.
 */
const ONE_BY_ONE = [
  'set -eo pipefail',
  'exec 29>&3 28<&4 3>&- 4<&-',
  '__guruguru_s=0',
  '__guruguru_x=',
  '__guruguru_in() { if [ -n "$__guruguru_x" ]; then set -x; fi; return "$__guruguru_s"; }',
  '__guruguru_out() { __guruguru_s=$?; case $- in *x*) set +x; __guruguru_x=1 ;; *) __guruguru_x= ;; esac; }',
].join('; ');

/** Where a pair but the first is while the lines run, and where it is when bash starts. */
const outOf = (pair: number) => 28 + 2 * pair;
const givenOf = (pair: number) => 3 + 2 * pair;

function inTurnStart(pairs: number): string {
  const others = Array.from({ length: pairs - 1 }, (_, n) => n + 1);
  const moved = others.map((pair) => {
    const [to, from] = [outOf(pair), givenOf(pair)];
    return `${to}>&${from} ${to + 1}>&${from + 1} ${from}>&- ${from + 1}>&-`;
  });
  return `set -eo pipefail; exec ${['29>&3 28<&4 3>&- 4<&-', ...moved].join(' ')}; __guruguru_s=0`;
}

/** bash's `$'…'` quoting: any text as one word on one line, so that bash's line numbers count script entries. */
export function quoteForBash(text: string): string {
  const body = text
    .replaceAll('\\', '\\\\')
    .replaceAll("'", "\\'")
    .replace(/[\x01-\x1f\x7f]/g, (c) => `\\${c.charCodeAt(0).toString(8).padStart(3, '0')}`);
  return `$'${body}'`;
}

/**
 * bash reads and runs a text one complete command at a time: of `a` newline `b "`, `a` would run before the
 * error in `b` is seen. Such a line is first parsed as a function's body, which runs nothing. Lines without
 * a newline are parsed whole anyway, unless their end asks for more (`a &&`). A text that switches extglob
 * on changes what parses further down, so it cannot be checked ahead.
 */
function needsCheck(text: string): boolean {
  return (/\n./s.test(text) || /(&&|\|\|?|\\)\s*$/.test(text)) && !text.includes('extglob');
}

/** A script with any of these goes one by one; see above. */
const NEEDS_ONE_BY_ONE =
  /\$\{?[?#!_-]|PIPESTATUS|\bset\b|xtrace|SHELLOPTS|BASH_ENV|\b(exec|eval|source|coproc|trap|alias|enable)\b|(^|[\s;&|({])\.\s/m;

export interface ShellDriver {
  text: string;
  /** Pairs of pipes that the lines use in turn; 1: they go one by one. */
  pairs: number;
}

/**
 * The driver for these script lines, for `bash FILE` with descriptors 1 and 2 open for output, 3 for writing
 * marks, 4 for reading answers, and from 5 up the other pairs of outputs.
 */
export function shellDriver(script: readonly string[], mayTakeTurns = true): ShellDriver {
  const inTurn = mayTakeTurns && !script.some((text) => NEEDS_ONE_BY_ONE.test(text));
  const pairs = inTurn ? Math.min(PAIRS, script.length) : 1;
  const lines = script.map((text, index) => {
    const run = quoteForBash(
      inTurn
        ? `${text}\n\n__guruguru_s=$?`
        : `{ __guruguru_in && :; } 2>/dev/null; ${text}\n\n{ __guruguru_out; } 2>/dev/null`,
    );
    const check = quoteForBash(`__guruguru_check() { :\n${text}\n\n}`);
    const told = quoteForBash(`set -n\n${text}\n`);
    const checked = needsCheck(text)
      ? `if ! eval ${check} 2>/dev/null; then (eval ${told}) || :; ` +
        `echo 'syntax error in this script line: nothing of it was run' >&2; exit 2; fi; unset -f __guruguru_check; `
      : '';
    const pair = index % pairs;
    const other = pair > 0 ? `>&${outOf(pair)} 2>&${outOf(pair) + 1} ` : '';
    const wait = inTurn && index < pairs - 1 ? '' : 'read -r -u 28 __guruguru_a || :; ';
    // One write for the end of the line before and the start of this one: it wakes the runner once.
    const marks = index === 0 ? `S 0\\n'` : `D ${index - 1} %s\\nS ${index}\\n' "$__guruguru_s"`;
    const start = index === 0 ? `${inTurn ? inTurnStart(pairs) : ONE_BY_ONE}; ` : '';
    const checkedThere = checked === '' ? '' : other === '' ? checked : `{ ${checked}} ${other}; `;
    return `${start}builtin printf '${marks} >&29; ${wait}${checkedThere}eval ${run} ${other}29>&- 28<&-`;
  });
  const last = script.length - 1;
  const end = `builtin printf 'D ${last} %s\\n' "$__guruguru_s" >&29; exit "$__guruguru_s"`;
  return { text: `${lines.join('\n')}\n${end}\n`, pairs };
}

export type Mark = { kind: 'started'; line: number } | { kind: 'ended'; line: number; exitCode: number };

/** One line of descriptor 29; null when it is none of ours. */
export function parseMark(text: string): Mark | null {
  const match = /^(?:S (\d{1,4})|D (\d{1,4}) (\d{1,3}))$/.exec(text);
  if (match === null) return null;
  if (match[1] !== undefined) return { kind: 'started', line: Number(match[1]) };
  return { kind: 'ended', line: Number(match[2]), exitCode: Number(match[3]) };
}
