import type { RuleName } from './rules.ts';
import { argumentsOf, nameOf, type ShellCommand, type ShellWord } from './shell/shell-command.ts';
import { readsInput, SHELLS } from './shell/unwrap.ts';

type CommandTest = (command: ShellCommand, name: string | null) => boolean;

const DOWNLOADERS = new Set(['curl', 'wget', 'fetch', 'aria2c', 'http', 'https', 'xh', 'nc', 'ncat', 'lynx']);
const INTERPRETERS = /^(?:python[\d.]*|perl|ruby|node|nodejs|php|deno|bun|lua|osascript|tclsh)$/;
/** They want a terminal, whatever their arguments. */
const INTERACTIVE = new Set(['vi', 'vim', 'nvim', 'nano', 'emacs', 'pico', 'less', 'more', 'top', 'htop']);
/** Without arguments they read what somebody types. */
const READERS = /^(?:cat|(?:ba|z|da|k)?sh|python[\d.]*|node|psql|mysql|sqlite3|bc)$/;
const ROOT_OR_HOME = /^(?:\/|~\/?|\$(?:HOME|\{HOME\})\/?)\*?$/;

/** What the built-in rules see in one command. */
export const COMMAND_RULES: readonly { rule: RuleName; test: CommandTest }[] = [
  { rule: 'remove-root', test: removesRoot },
  { rule: 'pipe-to-shell', test: runsDownload },
  { rule: 'unseen-script', test: runsUnseen },
  { rule: 'dynamic-command', test: ({ words }) => words[0]?.fixed === false },
  { rule: 'force-push', test: forcesPush },
  { rule: 'sudo', test: (_, name) => name === 'sudo' || name === 'doas' || name === 'su' },
  { rule: 'reads-stdin', test: readsStdin },
];

function removesRoot(command: ShellCommand, name: string | null): boolean {
  const words = argumentsOf(command);
  const roots = words.map(shortest).filter((path) => ROOT_OR_HOME.test(path));
  if (roots.length === 0) return false;
  if (name === 'rm') return words.some((word) => /^-\w*[rR]|^--recursive$/.test(word));
  return name === 'find' && ROOT_OR_HOME.test(shortest(words[0] ?? '')) && words.includes('-delete');
}

/** `//`, `/./` and `/x/..` as they are: only what changes nothing is taken away. */
function shortest(path: string): string {
  return path.replace(/\/(?:\.?\/)+/g, '/').replace(/\/\.$/, '/');
}

function runsDownload(command: ShellCommand, name: string | null): boolean {
  if (name === null) return false;
  const shell = SHELLS.has(name);
  const inside = (words: readonly ShellWord[]) => words.some((word) => word.inside.some(isDownload));
  if (shell || name === 'eval' || name === 'source' || name === '.')
    if (inside(command.words) || inside(command.input)) return true;
  if (!command.fedBy || !(shell || INTERPRETERS.test(name)) || !readsInput(command)) return false;
  return command.fedBy.some(isDownload);
}

function isDownload(command: ShellCommand): boolean {
  return DOWNLOADERS.has(nameOf(command) ?? '');
}

/** `eval "$x"`, `bash -c "$x"`, `base64 -d x | sh`; what follows a known beginning is taken for data. */
function runsUnseen(command: ShellCommand, name: string | null): boolean {
  if (name === null || runsDownload(command, name)) return false;
  const unknown = (word: ShellWord | undefined) =>
    word?.fixed === false && /^[$`]/.test(word.text.trimStart());
  const words = command.words.slice(1);
  if (name === 'eval') return unknown(words.find(({ text }) => text !== '--'));
  if (!SHELLS.has(name)) return false;
  const option = words.findIndex(({ text }) => /^-[A-Za-z]*c/.test(text));
  if (option >= 0) return unknown(words.slice(option + 1).find(({ text }) => !/^[-+]/.test(text)));
  if (!readsInput(command)) return false;
  if (command.input.length > 0) return unknown(command.input.at(-1));
  return command.fedBy !== null && !command.fedBy.every((feeding) => prints(nameOf(feeding)));
}

/** What they print is read as a script of its own. */
function prints(name: string | null): boolean {
  return name === 'echo' || name === 'printf' || name === 'cat';
}

function forcesPush(command: ShellCommand, name: string | null): boolean {
  if (name !== 'git') return false;
  const words = argumentsOf(command);
  const push = words.indexOf('push');
  if (push < 0 || subcommandAt(words) !== push) return false;
  return words
    .slice(push + 1)
    .some((word) => /^--force$|^--mirror$|^-[a-zA-Z]*f[a-zA-Z]*$|^\+[\w/]/.test(word));
}

/** Where git's subcommand stands: behind its own options, of which these take the next word. */
function subcommandAt(words: readonly string[]): number {
  const values = ['-C', '-c', '--git-dir', '--work-tree', '--namespace', '--config-env', '--exec-path'];
  let at = 0;
  while (at < words.length && words[at]?.startsWith('-')) at += values.includes(words[at] ?? '') ? 2 : 1;
  return at;
}

function readsStdin(command: ShellCommand, name: string | null): boolean {
  if (name === null) return false;
  const words = argumentsOf(command);
  if (INTERACTIVE.has(name)) return true;
  if (name === 'git' && subcommandAt(words) === 0) {
    if (words[0] === 'rebase') return words.some((word) => word === '-i' || word === '--interactive');
    if (words[0] === 'add') return words.some((word) => /^(?:-[pi]|--patch|--interactive)$/.test(word));
    return false;
  }
  if (name === 'docker' || name === 'podman' || name === 'kubectl')
    return words.some((word) => word === '-it' || word === '-ti');
  if (command.fedBy || command.redirected) return false;
  if (name === 'read') return true;
  return READERS.test(name) && words.every((word) => word === '-');
}
