import { createRequire } from 'node:module';
import type * as Cel from '@bufbuild/cel';
import { type Expr, usedBy } from './dod-tree.ts';

/** The names a definition of done may use (design section 4). */
const DOD_NAMES = ['exit_code', 'stdout', 'stderr', 'duration_seconds', 'steps', 'report'] as const;
type DodName = (typeof DOD_NAMES)[number];

const SOURCE_MAX_CHARACTERS = 4000;
const TYPE_NAMES = new Set(['bool', 'double', 'int', 'list', 'map', 'null_type', 'string', 'type', 'uint']);
const LOGIC = new Set(['_&&_', '_||_', '_?_:_', '_[_]', '@not_strictly_false']);
/** Functions that can never give a bool. */
const NOT_BOOL = /^(_[-+*/%]_|-_|size|string|int|uint|double|duration|timestamp|type|get[A-Z].*)$/;
/** Compiling a 3,000 character pattern takes a second (measured): larger ones wait for the judge's worker. */
const PATTERN_MAX_CHARACTERS = 200;

/** CEL with its protobuf tables takes 28 MB: a runner that has no job yet does not load it. */
const load = createRequire(import.meta.url);
const cel = (): typeof Cel => load('@bufbuild/cel') as typeof Cel;

/**
 * null, or why this is not a definition of done: not CEL, a name or function that does not exist, a
 * pattern that is no RE2, or plainly not a bool. Evaluates nothing, so its time is bounded by the
 * source's length. Never throws.
 */
export function checkDod(source: string): string | null {
  if (source.length > SOURCE_MAX_CHARACTERS) {
    return `it has ${source.length} characters: use at most ${SOURCE_MAX_CHARACTERS}`;
  }
  try {
    return treeProblem(cel().parse(source).expr);
  } catch (error) {
    return syntaxProblem(error);
  }
}

/** The facts a definition of done refers to; none when it cannot be parsed. */
export function dodNames(source: string): DodName[] {
  try {
    const { names } = usedBy(cel().parse(source).expr);
    return DOD_NAMES.filter((name) => names.includes(name));
  } catch {
    return [];
  }
}

function treeProblem(root: Expr): string | null {
  const { names, functions, patterns } = usedBy(root);
  const unknown = names.find((name) => !isDodName(name) && !TYPE_NAMES.has(name));
  if (unknown !== undefined) return `\`${unknown}\` is not known; use ${DOD_NAMES.join(', ')}`;
  const { funcs } = cel().celEnv();
  const missing = functions.find((name) => !LOGIC.has(name) && funcs.find(name) === undefined);
  if (missing !== undefined) {
    return `there is no function \`${missing}\`; there are contains, startsWith, endsWith, matches, size, has, all, exists, filter and map`;
  }
  // Bytes live outside the heap that limits the judge's worker.
  if (functions.includes('bytes')) return 'bytes() is not available in a DoD; compare strings';
  return patterns.map(patternProblem).find((problem) => problem !== null) ?? typeProblem(root);
}

function patternProblem(pattern: string): string | null {
  if (pattern.length > PATTERN_MAX_CHARACTERS) return null;
  const { run, isCelError } = cel();
  const result = run('"".matches(pattern)', { pattern });
  return isCelError(result) ? `${result.message}; patterns are RE2` : null;
}

function typeProblem({ exprKind: kind }: Expr): string | null {
  const compare = 'is not true or false: compare it, as in exit_code == 0';
  if (kind.case === 'constExpr' && kind.value.constantKind.case !== 'boolValue')
    return `a constant ${compare}`;
  if (kind.case === 'identExpr' && kind.value.name !== 'report') return `\`${kind.value.name}\` ${compare}`;
  if (kind.case === 'listExpr' || kind.case === 'structExpr') return `a list or map ${compare}`;
  if (kind.case === 'callExpr' && NOT_BOOL.test(kind.value.function)) return `a number or text ${compare}`;
  return null;
}

function syntaxProblem(error: unknown): string {
  if (error instanceof RangeError) return 'it nests too deeply';
  const message = error instanceof Error ? error.message : String(error);
  const parts = /^<input>:(\d+):(\d+): found (.+) but expecting (.+)$/s.exec(message);
  if (parts === null) return message;
  const [, line, column, found] = parts;
  const where = line === '1' ? `character ${column}` : `line ${line}, character ${column}`;
  const single = found === '=' ? '; compare with ==' : '';
  return `unexpected ${found} at ${where}${single}`;
}

function isDodName(name: string): name is DodName {
  return (DOD_NAMES as readonly string[]).includes(name);
}
