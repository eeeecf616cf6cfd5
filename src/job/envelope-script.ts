import { posix } from 'node:path';
import {
  type Assignment,
  type Command,
  forEachChild,
  type ParameterExpansionPart,
  type Redirect,
  type SyntaxNode,
  type Word,
} from 'unbash';
import type { Envelope } from './goal.ts';
import { beginsWith, commandWords } from './match-command.ts';
import { parseShell } from './shell/parse-shell.ts';
import { readShell } from './shell/read-shell.ts';
import type { ShellCommand } from './shell/shell-command.ts';

/** They print, compare or end the script, whatever follows; where they print to is looked at by itself. */
const ALWAYS = new Set(['true', 'false', ':', 'test', '[', 'echo', 'exit']);

/**
 * Why a script line is outside an envelope, one text each without the line's name; empty = inside. Read with
 * bash's own grammar: every command that stands in it anywhere must be named, and nothing may change what a
 * name means (variables of the environment) or write where nobody said so.
 */
export function lineProblems(line: string, envelope: Envelope): string[] {
  const { commands, problem } = readShell(line);
  const { script } = parseShell(line);
  if (problem !== null || script === null)
    return [`${problem ?? 'cannot be read'}, so it cannot be compared with it`];
  const allowed = envelope.commands.map((text) => commandWords(text) ?? []);
  const found = new Set<string>();
  for (const command of commands) if (!isNamed(command, allowed)) found.add(unnamed(command));
  const open: SyntaxNode[] = [script];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    const said = nodeProblem(node, envelope);
    if (said !== null) found.add(said);
    forEachChild(node, (child) => {
      open.push(child);
    });
  }
  return [...found];
}

function isNamed(command: ShellCommand, allowed: readonly (readonly string[])[]): boolean {
  const [name, first] = command.words;
  // An assignment alone runs nothing; nodeProblem looks at it.
  if (!name) return true;
  if (allowed.some((words) => words.length > 0 && beginsWith(command, words))) return true;
  if (!name.fixed || name.text.includes('/')) return false;
  if (name.text === 'printf') return first?.fixed === true && !first.text.startsWith('-');
  return ALWAYS.has(name.text);
}

function unnamed(command: ShellCommand): string {
  const shown = command.words
    .slice(0, 2)
    .map(({ text }) => text)
    .join(' ')
    .slice(0, 80);
  return `runs \`${shown}\`, which \`envelope.commands\` does not name`;
}

function nodeProblem(node: SyntaxNode, envelope: Envelope): string | null {
  switch (node.type) {
    case 'Assignment':
      if (node.index !== undefined || node.value.type === 'ArrayValue') return 'sets an array';
      return nameProblem(node.name);
    case 'For':
    case 'Select':
      return nameProblem(node.name.text);
    case 'Command':
      if (node.name && node.prefix.some(isAssignment)) return 'sets a variable for one command';
      return isPlainTest(node) ? null : 'tests more than one plain condition';
    case 'Coproc':
      return 'starts a coprocess';
    case 'Function':
      return 'defines a function';
    case 'ParameterExpansion':
      return expansionProblem(node);
    // bash runs the substitutions in a subscript, also in one that a variable holds: `x='a[$(cmd)]'; $((x))`.
    case 'ArithmeticCommand':
    case 'ArithmeticFor':
    case 'ArithmeticExpansion':
      return 'computes, which can run what a variable holds';
    case 'TestCommand':
      return 'uses [[, which can run what a variable holds: use [';
    case 'Redirect':
      return redirectProblem(node, envelope);
    default:
      return null;
  }
}

/** Beyond defaults, cuts and replacements an expansion may compute, follow a name, or run what it finds (`@P`). */
function expansionProblem({ parameter, prefix, index, operation }: ParameterExpansionPart): string | null {
  const type = operation?.type;
  const known =
    type === undefined ||
    type === 'Default' ||
    type === 'Remove' ||
    type === 'Replace' ||
    type === 'CaseModification';
  if (!known || prefix === '!' || index !== undefined)
    return `expands \`${parameter.slice(0, 80)}\` in a way that can run what it holds`;
  return type === 'Default' && /=/.test(operation?.operator ?? '') ? nameProblem(parameter) : null;
}

const BINARY = /^(?:=|==|!=|<|>|-eq|-ne|-lt|-le|-gt|-ge|-nt|-ot|-ef)$/;

/**
 * Of `test` and `[` one condition whose operator is written down: `-v` runs the substitutions in a subscript,
 * so that no word may turn out to be it.
 */
function isPlainTest({ name, suffix }: Command): boolean {
  const called = name?.value;
  if (called !== 'test' && called !== '[') return true;
  const words: Word[] = [];
  for (const part of suffix) {
    if (part.type === 'Word') words.push(part);
    else if (part.type === 'Assignment') return false;
  }
  if (called === '[' && words.pop()?.text !== ']') return false;
  if (words[0]?.text === '!') words.shift();
  // One word each, whatever it will be.
  if (!words.every((word) => fixedText(word) !== null || isQuoted(word))) return false;
  const [first, second] = words;
  if (words.length === 2) return /^-[a-zA-Z]$/.test(first?.text ?? '') && !/^-[vR]$/.test(first?.text ?? '');
  if (words.length === 3) return BINARY.test(second?.text ?? '');
  return words.length < 2;
}

function isQuoted({ parts }: Word): boolean {
  return (
    parts?.every(({ type }) => type === 'Literal' || type === 'SingleQuoted' || type === 'DoubleQuoted') ??
    true
  );
}

function isAssignment(part: SyntaxNode): part is Assignment {
  return part.type === 'Assignment';
}

/** Lower-case names belong to the script; the others may be the environment's, such as PATH. */
function nameProblem(name: string): string | null {
  return /^[a-z_][a-z0-9_]*$/.test(name) && !/_proxy$/.test(name)
    ? null
    : `sets \`${name.slice(0, 80)}\`, which may change what other commands do`;
}

function redirectProblem({ operator, target, descriptor }: Redirect, envelope: Envelope): string | null {
  if (descriptor?.type === 'FileDescriptorVariable') return 'opens a descriptor by a variable';
  if (operator === '<' || operator === '<&') return null;
  const text = target?.text ?? '';
  if (operator === '>&' && /^\d+$|^-$/.test(text)) return null;
  if (text === '/dev/null' || /^"?\$(?:GURUGURU_REPORT|\{GURUGURU_REPORT\})"?$/.test(text)) return null;
  const path = target ? fixedText(target) : null;
  if (envelope.effect === 'change' && path !== null && isInPaths(path, envelope.paths)) return null;
  return `writes to \`${text.slice(0, 80)}\`, which \`envelope.paths\` does not name`;
}

/** The word where it is certain, else null. */
function fixedText(word: Word): string | null {
  if (word.parts === undefined) return /[*?[\]{}~!$]/.test(word.text) ? null : word.value;
  const certain = word.parts.every(
    (part) =>
      part.type === 'Literal' ||
      part.type === 'SingleQuoted' ||
      (part.type === 'DoubleQuoted' && part.parts.every((inner) => inner.type === 'Literal')),
  );
  return certain ? word.value : null;
}

/** Whether a path of the repository is one of an envelope's; `..` never is. */
export function isInPaths(path: string, paths: readonly string[]): boolean {
  if (path.startsWith('/') || path.startsWith('~') || path.split('/').includes('..')) return false;
  const normal = posix.normalize(path);
  return paths.some((glob) =>
    glob.endsWith('/**') ? normal.startsWith(glob.slice(0, -2)) : posix.matchesGlob(normal, glob),
  );
}

/** Bare, they run whatever they are told: then an envelope that names them has no edge. */
const RUN_ANYTHING =
  /^(?:(?:ba|da|z|k|a|fi|c|tc)?sh|env|sudo|doas|su|xargs|eval|exec|command|builtin|source|\.|find|ssh|nohup|timeout|nice|watch|perl|python[\d.]*|ruby|node|deno|bun|php|lua|npx|awk|gawk|sed|tee|dd|cp|mv|export|declare|typeset|local|read|set|alias|hash|trap|enable|shopt|mapfile|readarray|getopts|unset|printf|coproc|let|git|kubectl|docker|gcloud|terraform|make)$/;

/** Entries of `commands` that allow nearly everything. */
export function isBroad(words: readonly string[]): boolean {
  return words.length === 1 && RUN_ANYTHING.test(words[0]?.split('/').pop() ?? '');
}
