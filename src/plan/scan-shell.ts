/** Where a shell text may be cut into pieces that are whole commands. Lines are 0-based. */
export interface ShellScan {
  /** False: something did not fit together, so cut nowhere. */
  understood: boolean;
  /** Lines after which no construct is open. */
  completeAfter: Set<number>;
  /** Lines that hold a token other than a comment. */
  commandLines: Set<number>;
}

type Frame =
  | 'if'
  | 'loop'
  | 'case'
  | 'brace'
  | 'paren'
  | 'array'
  | 'substitution'
  | 'arithmetic'
  | 'parameter'
  | 'quote';

interface HereDocument {
  delimiter: string;
  stripTabs: boolean;
}

interface State {
  text: string;
  at: number;
  line: number;
  frames: Frame[];
  waiting: HereDocument[];
  /** The next word is the first of a command, so that reserved words count. */
  commandNext: boolean;
  /** The last token asks for more: an operator, or the head of a function. */
  wantsMore: boolean;
  /** `function` was read: the next word is a name and then comes the body. */
  functionName: boolean;
  scan: ShellScan;
}

const OPENS: Record<string, Frame> = {
  if: 'if',
  for: 'loop',
  while: 'loop',
  until: 'loop',
  select: 'loop',
  case: 'case',
  '{': 'brace',
};
const CLOSES: Record<string, Frame> = { fi: 'if', done: 'loop', esac: 'case', '}': 'brace' };
/** After these another command begins. */
const COMMAND_FOLLOWS = new Set(['if', 'while', 'until', '{', 'then', 'else', 'elif', 'do', '!', 'time']);
const WORD_END = new Set([' ', '\t', '\n', ';', '&', '|', '(', ')', '<', '>']);

/**
 * Reads shell text just closely enough to know where a top-level command ends (bash's reference manual,
 * chapter 3). It does not judge the text: bash does that.
 */
export function scanShell(text: string): ShellScan {
  const scan: ShellScan = { understood: true, completeAfter: new Set(), commandLines: new Set() };
  const state: State = {
    text: `${text}\n`,
    at: 0,
    line: 0,
    frames: [],
    waiting: [],
    commandNext: true,
    wantsMore: false,
    functionName: false,
    scan,
  };
  while (state.at < state.text.length && scan.understood) step(state);
  if (state.frames.length > 0 || state.waiting.length > 0 || state.wantsMore) scan.understood = false;
  return scan;
}

function step(state: State): void {
  const top = state.frames.at(-1);
  const char = state.text[state.at];
  if (top === 'quote' || top === 'parameter') {
    insideWord(state, top);
    return;
  }
  if (char === '\n') {
    endLine(state);
    return;
  }
  if (char === ' ' || char === '\t') {
    state.at += 1;
    return;
  }
  if (char === '#' && startsWord(state) && top !== 'arithmetic') {
    const end = state.text.indexOf('\n', state.at);
    state.at = end;
    return;
  }
  if (char === '\\' && state.text[state.at + 1] === '\n') {
    // A continuation at the end of everything joins nothing; the line counts as complete then.
    state.at += 2;
    state.line += 1;
    if (state.at < state.text.length) return;
    state.scan.completeAfter.add(state.line - 1);
    return;
  }
  state.scan.commandLines.add(state.line);
  if (operator(state)) return;
  word(state);
}

/** Inside double quotes or `${…}`, where white space and operators mean nothing. */
function insideWord(state: State, top: 'quote' | 'parameter'): void {
  const char = state.text[state.at];
  if (char === '\n') {
    state.scan.commandLines.add(state.line);
    state.line += 1;
  }
  if (char === (top === 'quote' ? '"' : '}')) {
    state.frames.pop();
    state.at += 1;
    afterPiece(state);
    return;
  }
  // bash 5 wants the pair of it also in "${x:-'…'}".
  if (char === "'" && top === 'parameter') {
    singleQuote(state, false);
    return;
  }
  if (expansion(state)) return;
  if (char === '\\') {
    if (state.text[state.at + 1] === '\n') state.line += 1;
    state.at += 2;
    return;
  }
  state.at += 1;
}

function endLine(state: State): void {
  const { scan } = state;
  state.at += 1;
  for (const document of state.waiting.splice(0)) {
    if (!skipHereDocument(state, document)) {
      scan.understood = false;
      return;
    }
  }
  if (state.frames.length === 0 && !state.wantsMore) scan.completeAfter.add(state.line);
  state.commandNext = state.frames.at(-1) !== 'array';
  state.line += 1;
}

/** Moves past a here-document's body; `state.line` is then the line of its delimiter. */
function skipHereDocument(state: State, document: HereDocument): boolean {
  while (state.at < state.text.length) {
    const end = state.text.indexOf('\n', state.at);
    const line = state.text.slice(state.at, end);
    state.at = end + 1;
    state.line += 1;
    if ((document.stripTabs ? line.replace(/^\t+/, '') : line) === document.delimiter) return true;
  }
  return false;
}

/** Reads an operator, a parenthesis or a redirection. */
function operator(state: State): boolean {
  const { text, at, frames } = state;
  const char = text[at];
  const top = frames.at(-1);
  switch (char) {
    case ';':
    case '&':
    case '|': {
      const double = text[at + 1] === char || (char === '|' && text[at + 1] === '&');
      state.at += double ? 2 : 1;
      state.wantsMore = char === '|' || (char === '&' && double);
      state.commandNext = top !== 'array';
      return true;
    }
    case '(':
      if (text[at + 1] === '(' && (startsWord(state) || top === 'arithmetic')) {
        frames.push('arithmetic', 'arithmetic');
        state.at += 2;
      } else {
        frames.push(top === 'arithmetic' ? 'arithmetic' : text[at - 1] === '=' ? 'array' : 'paren');
        state.at += 1;
      }
      state.commandNext = frames.at(-1) === 'paren';
      state.wantsMore = false;
      return true;
    case ')':
      return closeParenthesis(state);
    case '<':
    case '>':
      redirection(state);
      return true;
    default:
      return false;
  }
}

function closeParenthesis(state: State): boolean {
  const { text, frames } = state;
  const top = frames.at(-1);
  const functionHead = top === 'paren' && /\(\s*$/.test(text.slice(Math.max(0, state.at - 20), state.at));
  state.at += 1;
  state.commandNext = true;
  state.wantsMore = functionHead;
  // The end of a pattern: `pattern)`.
  if (top === 'case') return true;
  if (top !== 'paren' && top !== 'array' && top !== 'arithmetic' && top !== 'substitution') {
    state.scan.understood = false;
    return true;
  }
  frames.pop();
  if (top === 'substitution') afterPiece(state);
  return true;
}

function redirection(state: State): void {
  const { text, frames } = state;
  state.wantsMore = false;
  const rest = text.slice(state.at, state.at + 3);
  if (/^[<>]\(/.test(rest)) {
    frames.push('substitution');
    state.at += 2;
    state.commandNext = true;
    return;
  }
  if (rest.startsWith('<<') && rest !== '<<<' && frames.at(-1) !== 'arithmetic') {
    const match = /^<<(-?)[ \t]*((?:\\.|'[^'\n]*'|"[^"\n]*"|[^\s;&|()<>'"\\])+)/.exec(
      text.slice(state.at, state.at + 300),
    );
    if (!match) {
      state.scan.understood = false;
      return;
    }
    const delimiter = (match[2] ?? '').replace(/\\(.)|['"]/g, '$1');
    state.waiting.push({ delimiter, stripTabs: match[1] === '-' });
    state.at += match[0].length;
    return;
  }
  // `>|`, `>&`, `<&`, `&>` and their like: the next character belongs to the operator, not to a list.
  state.at += rest === '<<<' ? 3 : /^(>>|<>|[<>]&|>\|)/.test(rest) ? 2 : 1;
}

/** Reads a word up to its end or up to an expansion inside it. */
function word(state: State): void {
  const start = state.at;
  const atStart = startsWord(state);
  while (state.at < state.text.length) {
    const char = state.text[state.at] ?? '';
    if (char === "'") {
      afterPiece(state);
      singleQuote(state, state.text[state.at - 1] === '$');
      return;
    }
    if (expansion(state)) return;
    if (WORD_END.has(char)) break;
    if (char === '\\' && state.text[state.at + 1] === '\n') break;
    state.at += char === '\\' ? 2 : 1;
  }
  const plain = atStart ? state.text.slice(start, state.at) : '';
  reserved(state, plain);
}

function reserved(state: State, plain: string): void {
  const { frames, scan } = state;
  const first = state.commandNext && frames.at(-1) !== 'array' && frames.at(-1) !== 'arithmetic';
  const bodyFollows = state.functionName;
  state.functionName = false;
  state.wantsMore = bodyFollows;
  state.commandNext = bodyFollows;
  if (!first || bodyFollows) return;
  const opens = Object.hasOwn(OPENS, plain) ? OPENS[plain] : undefined;
  const closes = Object.hasOwn(CLOSES, plain) ? CLOSES[plain] : undefined;
  if (opens) frames.push(opens);
  if (closes && frames.pop() !== closes) scan.understood = false;
  if (plain === 'function') state.functionName = true;
  state.commandNext = COMMAND_FOLLOWS.has(plain);
}

/** `"`, `` ` ``, `$(`, `$((`, `${`: all may span lines. */
function expansion(state: State): boolean {
  const { text, at, frames } = state;
  const char = text[at];
  if (char === '"' && frames.at(-1) !== 'quote') {
    frames.push('quote');
    state.at += 1;
    return true;
  }
  if (char === '`') {
    backticks(state);
    return true;
  }
  if (char !== '$') return false;
  const next = text[at + 1];
  if (next === '{') {
    frames.push('parameter');
    state.at += 2;
    return true;
  }
  if (next !== '(') return false;
  if (text[at + 2] === '(') {
    // Its second `)` ends an expansion, after which no command begins.
    frames.push('substitution', 'arithmetic');
    state.at += 3;
    state.commandNext = false;
  } else {
    frames.push('substitution');
    state.at += 2;
    state.commandNext = true;
  }
  state.wantsMore = false;
  return true;
}

function singleQuote(state: State, escapes: boolean): void {
  let at = state.at + 1;
  while (at < state.text.length && state.text[at] !== "'") at += escapes && state.text[at] === '\\' ? 2 : 1;
  skipTo(state, at);
}

function backticks(state: State): void {
  let at = state.at + 1;
  while (at < state.text.length && state.text[at] !== '`') at += state.text[at] === '\\' ? 2 : 1;
  skipTo(state, at);
  if (state.frames.at(-1) !== 'quote') afterPiece(state);
}

/** Moves behind the closing character at `at`; there is none at the end of the text. */
function skipTo(state: State, at: number): void {
  if (at >= state.text.length - 1) {
    state.scan.understood = false;
    return;
  }
  for (const char of state.text.slice(state.at, at)) {
    if (char !== '\n') continue;
    state.scan.commandLines.add(state.line);
    state.line += 1;
  }
  state.scan.commandLines.add(state.line);
  state.at = at + 1;
}

/** A quoted or expanded piece makes a word that is no reserved word. */
function afterPiece(state: State): void {
  state.commandNext = false;
  state.wantsMore = false;
  state.functionName = false;
}

function startsWord(state: State): boolean {
  const before = state.text[state.at - 1];
  return before === undefined || WORD_END.has(before);
}
