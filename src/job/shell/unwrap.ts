import { argumentsOf, nameOf, type ShellCommand, type ShellWord } from './shell-command.ts';

export const SHELLS: ReadonlySet<string> = new Set(['sh', 'bash', 'dash', 'zsh', 'ksh', 'ash', 'rbash']);

/** How a wrapper is written: the options that take the next word, and words before the command it runs. */
interface Wrapper {
  /** One letter each. */
  short?: string;
  long?: readonly string[];
  /** Words between its options and the command. */
  before?: number;
  /** With one of these it only tells about the command. */
  unless?: readonly string[];
}

/** `nohup command`, `timeout 5 command`: what follows runs. Options as GNU coreutils, sudo and others document them. */
const WRAPPERS: Readonly<Record<string, Wrapper>> = {
  env: { short: 'uCS', long: ['unset', 'chdir', 'split-string'] },
  nohup: {},
  setsid: {},
  nice: { short: 'n', long: ['adjustment'] },
  ionice: { short: 'cnpPu', long: ['class', 'classdata'] },
  chrt: { before: 1, short: 'TPD' },
  taskset: { before: 1 },
  timeout: { short: 'sk', long: ['signal', 'kill-after'], before: 1 },
  gtimeout: { short: 'sk', long: ['signal', 'kill-after'], before: 1 },
  stdbuf: { short: 'ioe', long: ['input', 'output', 'error'] },
  time: { short: 'fo', long: ['format', 'output'] },
  command: { unless: ['-v', '-V'] },
  builtin: {},
  exec: { short: 'a' },
  sudo: {
    short: 'ugChprtDRTU',
    long: ['user', 'group', 'chdir', 'host', 'prompt', 'role', 'type', 'chroot'],
  },
  doas: { short: 'uC' },
  xargs: {
    short: 'IiLlnPdaEes',
    long: ['replace', 'max-lines', 'max-args', 'max-procs', 'delimiter', 'arg-file', 'max-chars', 'eof'],
  },
  watch: { short: 'n', long: ['interval'] },
  flock: { short: 'wE', long: ['timeout', 'conflict-exit-code'], before: 1 },
  chroot: { long: ['userspec', 'groups'], before: 1 },
  unshare: { short: 'SGwR', long: ['setuid', 'setgid', 'wd', 'root'] },
  strace: { short: 'eopsuEaIOPSX' },
  busybox: {},
  caffeinate: { short: 'tw' },
  winpty: {},
};

/** The options of ssh(1) that take the next word. */
const SSH_VALUES = 'BbcDEeFIiJLlmOopQRSWw';

/** What a command runs: other commands, and texts that a shell reads. */
export interface Unwrapped {
  commands: ShellCommand[];
  texts: string[];
}

/** The next level of what a command runs; nothing for one that is no wrapper. */
export function unwrap(command: ShellCommand): Unwrapped {
  const name = nameOf(command);
  if (name === null) return { commands: [], texts: [] };
  const rest = command.words.slice(1);
  const wrapper = Object.hasOwn(WRAPPERS, name) ? WRAPPERS[name] : undefined;
  if (wrapper) return { commands: wrapped(command, rest, wrapper), texts: wrappedTexts(name, rest) };
  if (SHELLS.has(name)) return { commands: [], texts: shellTexts(command, rest) };
  switch (name) {
    case 'eval':
      return { commands: [], texts: joined(rest.filter(({ text }, index) => index > 0 || text !== '--')) };
    case 'trap':
      return { commands: [], texts: joined(afterOptions(rest, '').slice(0, 1)) };
    case 'su':
    case 'script':
    case 'runuser':
      return { commands: [], texts: afterOption(rest, 'c') };
    case 'ssh': {
      const remote = afterOptions(rest, SSH_VALUES).slice(1);
      return { commands: [], texts: joined(remote.length > 0 ? remote : command.input.slice(-1)) };
    }
    case 'find':
      return { commands: executed(command, rest), texts: [] };
    case 'kubectl':
    case 'oc': {
      const at = rest.findIndex(({ text }) => text === '--');
      return { commands: at < 0 ? [] : named(command, rest.slice(at + 1)), texts: [] };
    }
    default:
      return { commands: [], texts: [] };
  }
}

const named = (command: ShellCommand, words: ShellWord[]): ShellCommand[] =>
  words.length > 0 ? [{ ...command, words }] : [];

function wrapped(command: ShellCommand, rest: ShellWord[], wrapper: Wrapper): ShellCommand[] {
  if (wrapper.unless?.some((option) => rest[0]?.text === option)) return [];
  const words = afterOptions(rest, wrapper.short ?? '', wrapper.long).slice(wrapper.before ?? 0);
  // `env A=b command`, `sudo A=b command`.
  const first = words.findIndex(({ text }) => !/^[A-Za-z_]\w*=/.test(text));
  return first < 0 ? [] : named(command, words.slice(first));
}

function wrappedTexts(name: string, rest: ShellWord[]): string[] {
  // `env -S 'a b'` splits it, `flock f -c 'a b'` gives it to a shell, `watch 'a b'` too.
  if (name === 'env') return [...afterOption(rest, 'S'), ...longValue(rest, '--split-string')];
  if (name === 'flock') return afterOption(rest, 'c');
  if (name === 'watch') return joined(afterOptions(rest, 'n', ['interval']));
  return [];
}

/** `bash -c text`, `bash <<< text`, `echo text | bash`. */
function shellTexts(command: ShellCommand, rest: ShellWord[]): string[] {
  const texts = shellOption(rest);
  if (texts) return texts;
  if (!readsInput(command)) return [];
  return command.input.length > 0 ? joined(command.input.slice(-1)) : printed(command.fedBy ?? []);
}

/** The text of `-c`, also in `-lc` and after `-o pipefail`; null = the shell got none. */
function shellOption(rest: ShellWord[]): string[] | null {
  let at = 0;
  let given = false;
  for (; at < rest.length; at += 1) {
    const text = rest[at]?.text ?? '';
    if (text === '--' || text === '-' || !/^[-+]/.test(text)) break;
    if (/^-[A-Za-z]*c/.test(text)) given = true;
    if (/^[-+][A-Za-z]*[oO]$/.test(text) || text === '--rcfile' || text === '--init-file') at += 1;
  }
  if (!given) return null;
  if (rest[at]?.text === '--' || rest[at]?.text === '-') at += 1;
  return joined(rest.slice(at, at + 1));
}

/** A shell or interpreter without a file to run reads its commands from its input. */
export function readsInput(command: ShellCommand): boolean {
  const words = argumentsOf(command);
  if (words.some((text) => /^-[A-Za-z]*s/.test(text) || text === '-' || text === '/dev/stdin')) return true;
  return afterOptions(command.words.slice(1), 'oO').length === 0;
}

/** What commands that only print known words print. */
function printed(feeding: readonly ShellCommand[]): string[] {
  const last = feeding.at(-1);
  if (!last || feeding.length > 1) return [];
  const name = nameOf(last);
  if (name === 'cat' && last.words.length === 1) return joined(last.input.slice(-1));
  if (name !== 'echo' && name !== 'printf') return [];
  const texts = joined(last.words.slice(1).filter(({ text }) => !/^-[neE]+$/.test(text)));
  return texts.map((text) => text.replaceAll('\\n', '\n'));
}

/** As one text, as `eval` and `ssh` make it. A part that is only known when it runs stands in it as written. */
function joined(words: ShellWord[]): string[] {
  const text = words.map((word) => word.text).join(' ');
  return text.trim() === '' ? [] : [text];
}

/** The words after the options. `short`: letters whose option takes the next word, if nothing is joined to it. */
function afterOptions(words: ShellWord[], short: string, long: readonly string[] = []): ShellWord[] {
  let at = 0;
  for (; at < words.length; at += 1) {
    const text = words[at]?.text ?? '';
    if (text === '--') return words.slice(at + 1);
    if (!text.startsWith('-') || text === '-') break;
    const takesNext = text.startsWith('--')
      ? long.includes(text.slice(2))
      : [...text.slice(1)].findIndex((letter) => short.includes(letter)) === text.length - 2;
    if (takesNext) at += 1;
  }
  return words.slice(at);
}

/** The word after `-c`, also in `-lc`; or joined to it, `-ctext`. */
function afterOption(words: ShellWord[], letter: string): string[] {
  for (const [index, word] of words.entries()) {
    const match = new RegExp(`^-[A-Za-z]*?${letter}([^]*)$`).exec(word.text);
    if (!match || word.text.startsWith('--')) continue;
    return match[1] ? [match[1]] : joined(words.slice(index + 1, index + 2));
  }
  return longValue(words, '--command');
}

function longValue(words: ShellWord[], option: string): string[] {
  const at = words.findIndex(({ text }) => text === option || text.startsWith(`${option}=`));
  const text = words[at]?.text;
  if (text === undefined) return [];
  return text === option ? joined(words.slice(at + 1, at + 2)) : [text.slice(option.length + 1)];
}

/** `find … -exec command {} \\;` */
function executed(command: ShellCommand, rest: ShellWord[]): ShellCommand[] {
  return rest.flatMap((word, index) => {
    if (!/^-(?:exec|ok)(?:dir)?$/.test(word.text)) return [];
    const words = rest.slice(index + 1);
    const end = words.findIndex(({ text }) => text === ';' || text === '+');
    return named(command, end < 0 ? words : words.slice(0, end));
  });
}
