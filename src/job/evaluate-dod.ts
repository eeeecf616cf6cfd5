import {
  type CelInput,
  type CelResult,
  celEnv,
  isCelError,
  isCelList,
  isCelMap,
  isCelUint,
  parse,
  plan,
  unparse,
} from '@bufbuild/cel';
import { type Expr, outerParts, usedBy } from './dod-tree.ts';

/** One value a definition of done used: its source text and its value, each at most 200 characters. */
export interface Seen {
  name: string;
  value: string;
}

export type Evaluated = { kind: 'met' } | { kind: 'unmet' } | { kind: 'error'; message: string };

const CLIP = 200;
const MAX_SEEN = 20;
const BRANCHES = new Set(['_&&_', '_||_', '_?_:_', '!_']);
const COMPARISONS = new Set(['_==_', '_!=_', '_<_', '_<=_', '_>_', '_>=_', '@in']);

/**
 * Evaluates a definition of done. May take for ever and any amount of memory: call it in the worker only.
 * JSON integers become CEL ints, other numbers doubles.
 */
export function evaluateDod(source: string, facts: Readonly<Record<string, unknown>>): Evaluated {
  try {
    const result = evaluate(parse(source).expr, toBindings(facts));
    if (result === true) return { kind: 'met' };
    if (result === false) return { kind: 'unmet' };
    if (isCelError(result)) return { kind: 'error', message: errorText(result) };
    return { kind: 'error', message: `the result is ${show(result)}, not true or false` };
  } catch (error) {
    return { kind: 'error', message: errorText(error) };
  }
}

/**
 * The values behind an answer, in the order of the source: what is compared, every yes-or-no part, and the
 * facts inside them. Constants and loop variables are left out.
 */
export function* seenBy(source: string, facts: Readonly<Record<string, unknown>>): Generator<Seen> {
  const parsed = parse(source);
  const bindings = toBindings(facts);
  const names = new Set<string>();
  for (const expr of tellingParts(parsed.expr)) {
    const name = clipHead(unparse({ ...parsed, expr }));
    if (names.has(name)) continue;
    names.add(name);
    yield { name, value: valueText(expr, bindings) };
    if (names.size === MAX_SEEN) return;
  }
}

/**
 * JSON to CEL: whole numbers become ints, so that `report.replicas + 1 == 3` works; objects become maps,
 * so that a key such as `constructor` is only ever data.
 */
function toInput(value: unknown, double = false): CelInput {
  if (typeof value === 'number') return Number.isSafeInteger(value) && !double ? BigInt(value) : value;
  if (typeof value === 'string' || typeof value === 'boolean') return value;
  if (Array.isArray(value)) return value.map((item) => toInput(item));
  if (typeof value === 'object' && value !== null) {
    return new Map(Object.entries(value).map(([key, item]) => [key, toInput(item)]));
  }
  return null;
}

function toBindings(facts: Readonly<Record<string, unknown>>): Record<string, CelInput> {
  // Without a prototype, so that `constructor` is no name.
  const bindings: Record<string, CelInput> = Object.create(null);
  for (const [name, value] of Object.entries(facts)) {
    const steps = name === 'steps' && Array.isArray(value);
    bindings[name] = steps ? value.map(withSeconds) : toInput(value, name === 'duration_seconds');
  }
  return bindings;
}

/** Seconds stay doubles also when they happen to be whole. */
function withSeconds(step: object): CelInput {
  return new Map(Object.entries(step).map(([key, item]) => [key, toInput(item, key === 'duration_seconds')]));
}

function evaluate(expr: Expr, bindings: Record<string, CelInput>): CelResult {
  return plan(celEnv(), expr)(bindings);
}

function tellingParts(expr: Expr): Expr[] {
  const { exprKind: kind } = expr;
  if (usedBy(expr).names.length === 0) return [];
  const parts = outerParts(expr);
  if (kind.case === 'callExpr' && BRANCHES.has(kind.value.function)) return parts.flatMap(tellingParts);
  if (kind.case === 'callExpr' && COMPARISONS.has(kind.value.function)) return parts.flatMap(tellingParts);
  return isChain(expr) ? [expr] : [expr, ...parts.flatMap(tellingParts)];
}

/** `report.items[0].name`: a fact and the way into it, told as one. */
function isChain(expr: Expr): boolean {
  const { exprKind: kind } = expr;
  if (kind.case === 'identExpr') return true;
  const [into, key] = outerParts(expr);
  if (into === undefined) return false;
  if (kind.case === 'selectExpr') return !kind.value.testOnly && isChain(into);
  return kind.case === 'callExpr' && kind.value.function === '_[_]' && isChain(into) && key !== undefined;
}

function valueText(expr: Expr, bindings: Record<string, CelInput>): string {
  try {
    const value = evaluate(expr, bindings);
    if (isCelError(value)) return clipHead(`error: ${errorText(value)}`);
    const output = expr.exprKind.case === 'identExpr' && /^std(out|err)$/.test(expr.exprKind.value.name);
    return output && typeof value === 'string' ? JSON.stringify(clipTail(value)) : clipHead(show(value));
  } catch (error) {
    return clipHead(`error: ${errorText(error)}`);
  }
}

/** A value as JSON where JSON has it. Stops early: the result is going to be clipped. */
function show(value: unknown, depth = 0): string {
  if (typeof value === 'string') return JSON.stringify(clipHead(value));
  if (isCelUint(value)) return `${value.value}u`;
  if (depth > 3 && (isCelList(value) || isCelMap(value))) return '…';
  if (isCelList(value)) return `[${firstFew(value, (item) => show(item, depth + 1))}]`;
  if (isCelMap(value)) {
    return `{${firstFew(value.entries(), ([key, item]) => `${show(key)}: ${show(item, depth + 1)}`)}}`;
  }
  return String(value);
}

function firstFew<T>(items: Iterable<T>, text: (item: T) => string): string {
  const texts: string[] = [];
  for (const item of items) {
    if (texts.length === CLIP / 4) return [...texts, '…'].join(', ');
    texts.push(text(item));
  }
  return texts.join(', ');
}

function clipHead(text: string): string {
  return text.length > CLIP ? `${text.slice(0, CLIP - 1)}…` : text;
}

/** The end of an output says more than its beginning. Shorter than the limit: quoting adds to it. */
function clipTail(text: string): string {
  return text.length > CLIP / 2 ? `…${text.slice(-CLIP / 2)}` : text;
}

function errorText(error: unknown): string {
  if (error instanceof RangeError) return 'it nests too deeply or makes too long a text';
  const message = error instanceof Error ? error.message : String(error);
  // The library reports the list's bounds wrongly.
  return message.replace(/ out of bounds \[.*\)$/, ' is outside the list');
}
