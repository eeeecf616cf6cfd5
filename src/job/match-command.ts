import { parseShell } from './shell/parse-shell.ts';
import { nameOf, type ShellCommand } from './shell/shell-command.ts';

/**
 * The words of a command as the settings name it, such as `kubectl delete`; null when it is more than one
 * simple command of plain words.
 */
export function commandWords(text: string): string[] | null {
  const { script, problem } = parseShell(text);
  if (problem !== null || script?.commands.length !== 1) return null;
  const command = script.commands[0]?.command;
  if (command?.type !== 'Command' || command.prefix.length > 0 || !command.name) return null;
  const words: string[] = [];
  for (const word of [command.name, ...command.suffix]) {
    if (word.type !== 'Word' || word.parts?.some((part) => !/Quoted$|^Literal$/.test(part.type))) return null;
    if (word.text.includes('$') || word.text.includes('`')) return null;
    words.push(word.value);
  }
  return words;
}

/** Whether the command begins with exactly these words, as `allow` needs it. */
export function beginsWith(command: ShellCommand, words: readonly string[]): boolean {
  return words.every((word, index) => {
    const given = command.words[index];
    return given?.fixed === true && given.text === word;
  });
}

/**
 * Whether the command is one of these, as `warn` and `deny` need it: its folder does not matter, options
 * (each with at most one value) may stand between the words, and an option may stand anywhere, joined to
 * others (`-rf` is `-f`) or with a value (`--force=true`).
 */
export function isCommand(command: ShellCommand, words: readonly string[]): boolean {
  const [name, ...rest] = words;
  if (name === undefined || nameOf(command) !== name.split('/').pop()) return false;
  const given = command.words.slice(1).map(({ text }) => text);
  const options = rest.filter((word) => word.startsWith('-'));
  if (!options.every((option) => given.some((word) => isOption(word, option)))) return false;
  return inOrder(
    given,
    rest.filter((word) => !word.startsWith('-')),
  );
}

function isOption(word: string, option: string): boolean {
  if (word === option || word.startsWith(`${option}=`)) return true;
  return /^-[A-Za-z0-9]$/.test(option) && /^-[A-Za-z0-9]+$/.test(word) && word.includes(option.slice(1));
}

/** Words in this order from the beginning, with nothing but options and their values before each. */
function inOrder(given: readonly string[], wanted: readonly string[]): boolean {
  let at = 0;
  for (const word of wanted) {
    while (at < given.length && given[at] !== word && isOptionAt(given, at)) at += 1;
    if (given[at] !== word) return false;
    at += 1;
  }
  return true;
}

/** An option, or what may be the value of the one before. */
function isOptionAt(given: readonly string[], at: number): boolean {
  const word = given[at] ?? '';
  if (word.startsWith('-')) return true;
  return at > 0 && /^-[^=]*$/.test(given[at - 1] ?? '') && given[at - 1] !== '--';
}
