import type { Command, Redirect, Script, Statement, SyntaxNode, Word } from 'unbash';
import { OWN_COMMAND, SAFE_OPTIONS, type SafeOptions } from './auto-commands.ts';
import type { Job } from './job.ts';
import type { Settings } from './settings.ts';
import { parseShell } from './shell/parse-shell.ts';

/** Beyond plain text: what would need to be understood before it could be trusted. */
const NOT_PLAIN = /[\\`\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;

/**
 * null: the job may run without a click, because every command in it is on `gate.auto`. Else the first
 * reason why not. Only what is known to be harmless passes; what is not understood does not.
 */
export function autoProblem(job: Job, settings: Settings): string | null {
  const list = settings.gate.auto;
  if (list.length === 0) return '`gate.auto` is empty';
  if (job.kind !== 'run_shell') return 'what an agent does is not known before';
  if (job.effect === 'change') return 'the job says that it changes something';
  if (Object.keys(job.env ?? {}).length > 0 || job.secrets?.length) return 'the job sets its environment';
  // In another directory there may be another repository, whose configuration git obeys.
  if (job.workdir !== settings.defaults.workdir) return '`workdir` is not `defaults.workdir`';
  for (const line of job.script) {
    const problem = lineProblem(line, list);
    if (problem !== null) return problem;
  }
  return null;
}

function lineProblem(line: string, list: readonly (readonly string[])[]): string | null {
  if (NOT_PLAIN.test(line)) return 'a line is more than plain text';
  const { script, problem } = parseShell(line);
  if (!script || problem !== null) return 'a line cannot be read';
  return scriptProblem(script, list);
}

function scriptProblem(script: Script, list: readonly (readonly string[])[]): string | null {
  if (script.commands.length === 0) return 'a line holds no command';
  return first(script.commands, (statement) => statementProblem(statement, list));
}

function statementProblem(statement: Statement, list: readonly (readonly string[])[]): string | null {
  if (statement.background) return 'a command runs in the background';
  return nodeProblem(statement.command, list);
}

/** Lists and pipes of simple commands; nothing else. */
function nodeProblem(node: SyntaxNode, list: readonly (readonly string[])[]): string | null {
  switch (node.type) {
    case 'Command':
      return commandProblem(node, list);
    case 'AndOr':
      return first(node.commands, (part) => nodeProblem(part, list));
    case 'Pipeline':
      if (node.prefixes.length > 0) return 'a command has a prefix';
      return first(node.commands, (part) => nodeProblem(part, list));
    default:
      return 'a line is more than a list of commands';
  }
}

function commandProblem(command: Command, list: readonly (readonly string[])[]): string | null {
  if (command.prefix.length > 0 || !command.name) return 'a command sets a variable or has no name';
  const words: Word[] = [command.name];
  for (const part of command.suffix) {
    if (part.type === 'Word') words.push(part);
    else if (part.type !== 'Redirect' || !isHarmless(part)) return 'a command is redirected';
  }
  const name = plain(command.name);
  // It prints, whatever follows, and substitutions are commands of the list themselves.
  if (name === 'echo' && list.some((entry) => entry.length === 1 && entry[0] === 'echo'))
    return first(words, (word) => echoProblem(word, list));
  const texts: string[] = [];
  for (const word of words) {
    const text = plain(word);
    if (text === null) return 'a word is only known when it runs';
    texts.push(text);
  }
  const entry = list.find((one) => one.every((word, index) => texts[index] === word));
  if (!entry) return `\`${texts.slice(0, 2).join(' ')}\` is not on \`gate.auto\``;
  return restProblem(texts, entry.length);
}

/** `2>&1`, `>/dev/null`. */
function isHarmless({ operator, target, descriptor }: Redirect): boolean {
  if (descriptor?.type === 'FileDescriptorVariable' || !target) return false;
  const text = plain(target);
  return (operator === '>' && text === '/dev/null') || (operator === '>&' && (text === '1' || text === '2'));
}

/** The word's text where it is certain; null where bash would make something of it. */
function plain(word: Word): string | null {
  if (word.parts === undefined)
    return /[*?[\]{}~!$]/.test(word.text) && !isTildeInside(word.text) ? null : word.value;
  let text = '';
  for (const part of word.parts) {
    if (part.type === 'Literal' || part.type === 'SingleQuoted') text += part.value;
    else if (part.type === 'DoubleQuoted' && part.parts.every((inner) => inner.type === 'Literal'))
      text += part.parts.map((inner) => (inner.type === 'Literal' ? inner.value : '')).join('');
    else return null;
  }
  return text.startsWith('~') ? null : text;
}

/** `HEAD~2`: a tilde means a home directory only at the beginning of a word, or after `:` or `=`. */
function isTildeInside(text: string): boolean {
  return /^[^~*?[\]{}!$:=]+~\d*$/.test(text);
}

function echoProblem(word: Word, list: readonly (readonly string[])[]): string | null {
  if (plain(word) !== null) return null;
  const parts = (word.parts ?? []).flatMap((part): SyntaxNode[] =>
    part.type === 'DoubleQuoted' ? [...part.parts] : [part],
  );
  if (parts.length === 0) return 'a word is only known when it runs';
  return first(parts, (part) => {
    if (part.type === 'Literal' || part.type === 'SingleQuoted') return null;
    if (part.type === 'CommandExpansion' && part.script) return scriptProblem(part.script, list);
    return 'a word is only known when it runs';
  });
}

/** What follows the words of an entry, by the table of the longest command that is known. */
function restProblem(words: readonly string[], given: number): string | null {
  const { safe, length } = safeOptions(words);
  for (let at = Math.max(given, length); at < words.length; at += 1) {
    const word = words[at] ?? '';
    if (!word.startsWith('-')) {
      if (!safe.words?.test(word)) return `\`${word}\` needs a look`;
      continue;
    }
    if (safe.flags?.includes(word)) continue;
    const equals = word.indexOf('=');
    const option = equals < 0 ? word : word.slice(0, equals);
    const pattern = safe.valued && Object.hasOwn(safe.valued, option) ? safe.valued[option] : undefined;
    const value = equals < 0 ? words[at + 1] : word.slice(equals + 1);
    if (!pattern || value === undefined || !pattern.test(value)) return `\`${option}\` needs a look`;
    if (equals < 0) at += 1;
  }
  return null;
}

function safeOptions(words: readonly string[]): { safe: SafeOptions; length: number } {
  for (const length of [3, 2, 1]) {
    const key = words.slice(0, length).join(' ');
    if (words.length >= length && Object.hasOwn(SAFE_OPTIONS, key))
      return { safe: SAFE_OPTIONS[key] ?? OWN_COMMAND, length };
  }
  return { safe: OWN_COMMAND, length: 1 };
}

function first<T>(items: readonly T[], problem: (item: T) => string | null): string | null {
  for (const item of items) {
    const found = problem(item);
    if (found !== null) return found;
  }
  return null;
}
