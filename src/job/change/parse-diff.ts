/** One file of a `git diff --no-renames --full-index`. A mode or blob is null where there is none. */
export interface FileDiff {
  path: string;
  oldMode: string | null;
  newMode: string | null;
  /** Full names of the blobs; null where the file does not exist on that side, or only its mode changed. */
  oldBlob: string | null;
  newBlob: string | null;
  binary: boolean;
  hunks: Hunk[];
}

export interface Hunk {
  /** 1-based; the line before which lines are added when `oldLines` is 0. */
  oldStart: number;
  oldLines: number;
  newLines: number;
  /** With their line ends. */
  lines: { op: ' ' | '+' | '-'; text: string }[];
}

export type ParsedDiff = { ok: true; files: FileDiff[] } | { ok: false; problem: string };

const HUNK = /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@/;

/**
 * Reads what `git diff` writes, and nothing looser: lines of a hunk are counted, so that none of them is taken for a
 * header, and whatever is not understood makes the whole unreadable. Never throws.
 */
export function parseDiff(text: string): ParsedDiff {
  const lines = text.split('\n');
  if (lines.at(-1) === '') lines.pop();
  const files: FileDiff[] = [];
  let at = 0;
  const fail = (problem: string): ParsedDiff => ({ ok: false, problem: `line ${at + 1}: ${problem}` });
  while (at < lines.length) {
    const path = headerPath(lines[at] ?? '');
    if (path === null) return fail('is not the beginning of a file');
    at += 1;
    const file: FileDiff = {
      path,
      oldMode: null,
      newMode: null,
      oldBlob: null,
      newBlob: null,
      binary: false,
      hunks: [],
    };
    for (; at < lines.length && !(lines[at] ?? '').startsWith('diff --git '); at += 1) {
      const line = lines[at] ?? '';
      if (HUNK.test(line)) {
        const read = readHunk(lines, at);
        if (read === null) return fail('a hunk is not what its header says');
        file.hunks.push(read.hunk);
        at = read.next - 1;
      } else if (!readHeader(file, line)) return fail('is not understood');
    }
    files.push(file);
  }
  return { ok: true, files };
}

/** An extended header line; false when it is none that is expected. */
function readHeader(file: FileDiff, line: string): boolean {
  if (file.hunks.length > 0) return false;
  const mode = /^(old mode|new mode|new file mode|deleted file mode) (\d{6})$/.exec(line);
  if (mode) {
    if (mode[1] === 'old mode' || mode[1] === 'deleted file mode') file.oldMode = mode[2] ?? null;
    else file.newMode = mode[2] ?? null;
    return true;
  }
  const index = /^index ([0-9a-f]{40,64})\.\.([0-9a-f]{40,64})(?: (\d{6}))?$/.exec(line);
  if (index) {
    file.oldBlob = blob(index[1]);
    file.newBlob = blob(index[2]);
    if (index[3]) file.oldMode = file.newMode = index[3];
    return true;
  }
  if (/^Binary files .* differ$/.test(line) || line === 'GIT binary patch') {
    file.binary = true;
    return true;
  }
  const side = /^(---|\+\+\+) (.*)$/.exec(line);
  if (!side) return false;
  const name = unquote((side[2] ?? '').replace(/\t$/, ''));
  return name === '/dev/null' || name === `${side[1] === '---' ? 'a' : 'b'}/${file.path}`;
}

/** Zeros stand for no file. */
function blob(name: string | undefined): string | null {
  return name === undefined || /^0+$/.test(name) ? null : name;
}

function readHunk(lines: readonly string[], start: number): { hunk: Hunk; next: number } | null {
  const header = HUNK.exec(lines[start] ?? '');
  const [oldStart, oldLines, , newLines] = [1, 2, 3, 4].map((part) => Number(header?.[part] ?? 1));
  const hunk: Hunk = { oldStart: oldStart ?? 0, oldLines: oldLines ?? 1, newLines: newLines ?? 1, lines: [] };
  let [old, fresh, at] = [hunk.oldLines, hunk.newLines, start + 1];
  while (old > 0 || fresh > 0) {
    const line = lines[at];
    // An empty context line is written with its blank.
    const op = line?.[0];
    if (line === undefined || (op !== ' ' && op !== '+' && op !== '-')) return null;
    if (op !== '+') old -= 1;
    if (op !== '-') fresh -= 1;
    if (old < 0 || fresh < 0) return null;
    const unended = lines[at + 1]?.startsWith('\\ ') === true;
    hunk.lines.push({ op, text: `${line.slice(1)}${unended ? '' : '\n'}` });
    at += unended ? 2 : 1;
  }
  return { hunk, next: at };
}

/** The path of `diff --git a/<path> b/<path>`: without renames it stands there twice. */
function headerPath(line: string): string | null {
  const rest = /^diff --git (.+)$/.exec(line)?.[1];
  if (rest === undefined) return null;
  if (rest.startsWith('"')) {
    const both = /^"((?:[^"\\]|\\.)*)" "((?:[^"\\]|\\.)*)"$/.exec(rest);
    const [a, b] = [unquote(`"${both?.[1] ?? ''}"`), unquote(`"${both?.[2] ?? ''}"`)];
    return both && a.startsWith('a/') && b === `b/${a.slice(2)}` ? a.slice(2) : null;
  }
  const length = (rest.length - 5) / 2;
  if (!Number.isInteger(length) || length < 1) return null;
  const path = rest.slice(2, 2 + length);
  return rest === `a/${path} b/${path}` ? path : null;
}

const ESCAPES: Readonly<Record<string, number>> = {
  a: 7,
  b: 8,
  t: 9,
  n: 10,
  v: 11,
  f: 12,
  r: 13,
  '"': 34,
  '\\': 92,
};

/** git's C-style quoting, in bytes. */
function unquote(text: string): string {
  if (!text.startsWith('"') || !text.endsWith('"') || text.length < 2) return text;
  const bytes: Buffer[] = [];
  for (const [part] of text.slice(1, -1).matchAll(/\\[0-7]{3}|\\.|[^\\]+/gs)) {
    if (!part.startsWith('\\')) bytes.push(Buffer.from(part));
    else if (part.length === 4) bytes.push(Buffer.from([Number.parseInt(part.slice(1), 8)]));
    else bytes.push(Buffer.from([ESCAPES[part[1] ?? ''] ?? 63]));
  }
  return Buffer.concat(bytes).toString('utf8');
}
