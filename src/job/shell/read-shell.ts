import {
  type Command,
  forEachChild,
  type Pipeline,
  type Redirection,
  type SyntaxNode,
  type Word,
} from 'unbash';
import { parseShell } from './parse-shell.ts';
import type { ShellCommand, ShellWord } from './shell-command.ts';
import { unwrap } from './unwrap.ts';

/** `problem`: why a part of it could not be read, null = all was. */
export interface ShellReading {
  commands: ShellCommand[];
  problem: string | null;
}

/** Shell inside shell inside shell: `bash -c "bash -c '…'"`. */
const MAX_LEVELS = 8;
/** A script entry has at most 20,000. */
const MAX_CHARACTERS = 64 * 1024;
/** What one entry can hold; a longer one is more than anybody reads. */
const MAX_COMMANDS = 2_000;
/** `sudo env nohup timeout …` one in the other. */
const MAX_WRAPPERS = 20;

/**
 * Every simple command in shell text, wherever it stands: in lists, pipes, loops, functions, substitutions
 * and here-documents; what wrappers run, and text given to `bash -c`, `eval` or `ssh`, too. Never throws.
 */
export function readShell(text: string): ShellReading {
  const reading: Reading = { commands: [], problem: null, level: 0 };
  readText(text, reading);
  return { commands: reading.commands, problem: reading.problem };
}

interface Reading extends ShellReading {
  level: number;
}

function readText(text: string, reading: Reading): void {
  if (text.length > MAX_CHARACTERS || reading.level >= MAX_LEVELS) {
    reading.problem ??= 'is too long or nests too deeply to be looked at';
    return;
  }
  const { script, problem } = parseShell(text);
  reading.problem ??= problem;
  if (!script) return;
  reading.level += 1;
  visit(script, NO_INPUT, reading);
  reading.level -= 1;
}

/** Where the commands at a place have their input from. */
type Input = Pick<ShellCommand, 'fedBy' | 'redirected'>;
const NO_INPUT: Input = { fedBy: null, redirected: false };

function visit(node: SyntaxNode, from: Input, reading: Reading): void {
  if (node.type === 'Command') readCommand(node, from, reading);
  else if (node.type === 'Pipeline') readPipeline(node, from, reading);
  else {
    const redirected = node.type === 'Redirected' && node.redirects.some(isInput);
    const inner = redirected || node.type === 'Function' ? { ...from, redirected: true } : from;
    forEachChild(node, (child) => {
      visit(child, inner, reading);
    });
  }
}

function isInput(redirection: Redirection): boolean {
  return redirection.operator.startsWith('<');
}

function readPipeline(pipeline: Pipeline, from: Input, reading: Reading): void {
  let input = from;
  for (const stage of pipeline.commands) {
    const first = reading.commands.length;
    visit(stage, input, reading);
    input = { ...input, fedBy: [...(input.fedBy ?? []), ...reading.commands.slice(first)] };
  }
}

function readCommand(node: Command, from: Input, reading: Reading): void {
  const words: ShellWord[] = [];
  const input: ShellWord[] = [];
  let { redirected } = from;
  for (const part of [...node.prefix, ...(node.name ? [node.name] : []), ...node.suffix]) {
    if (part.type === 'Word') words.push(readWord(part, reading));
    // `export A=b`: an argument that reads like an assignment.
    else if (part.type === 'Assignment') {
      const inside = commandsIn(part, reading);
      if (words.length > 0) words.push({ text: part.text, fixed: false, inside });
    } else {
      redirected ||= isInput(part);
      if (part.type === 'HereDoc') {
        const fixed = part.body.parts?.every(isFixed) ?? true;
        input.push({ text: part.body.text, fixed, inside: commandsIn(part, reading) });
      } else if (part.type === 'HereString' && part.target) input.push(readWord(part.target, reading));
      else commandsIn(part, reading);
    }
  }
  add({ words, fedBy: from.fedBy, input, redirected }, reading);
}

/** A command with everything it will run itself. */
function add(command: ShellCommand, reading: Reading): void {
  const open = [{ command, depth: 0 }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (reading.commands.length >= MAX_COMMANDS || next.depth > MAX_WRAPPERS) {
      reading.problem ??= 'has too many commands to be looked at';
      return;
    }
    reading.commands.push(next.command);
    const { commands, texts } = unwrap(next.command);
    for (const inner of commands) open.push({ command: inner, depth: next.depth + 1 });
    for (const text of texts) readText(text, reading);
  }
}

function readWord(word: Word, reading: Reading): ShellWord {
  const inside = commandsIn(word, reading);
  const { parts } = word;
  if (parts === undefined) return { text: word.value, fixed: true, inside };
  return { text: parts.map(textOf).join(''), fixed: parts.every(isFixed), inside };
}

/** Reads the substitutions of a node; they are commands of the script as well. */
function commandsIn(node: SyntaxNode, reading: Reading): ShellCommand[] {
  const from = reading.commands.length;
  forEachChild(node, (child) => {
    visit(child, NO_INPUT, reading);
  });
  return reading.commands.slice(from);
}

function isFixed(part: SyntaxNode): boolean {
  switch (part.type) {
    case 'Literal':
    case 'SingleQuoted':
    case 'AnsiCQuoted':
      return true;
    case 'DoubleQuoted':
    case 'LocaleString':
      return part.parts.every(isFixed);
    default:
      return false;
  }
}

function textOf(part: SyntaxNode): string {
  switch (part.type) {
    case 'Literal':
    case 'SingleQuoted':
    case 'AnsiCQuoted':
      return part.value;
    case 'DoubleQuoted':
    case 'LocaleString':
      return part.parts.map(textOf).join('');
    default:
      return 'text' in part ? part.text : '';
  }
}
