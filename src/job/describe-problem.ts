import type { z } from 'zod';
import { fieldName, type JsonPath } from './locate.ts';

/** What to write instead, by field: `script` for the list, `script[]` for its entries, `env.*` for values. */
export type Hints = Readonly<Record<string, string>>;

/** One thing wrong with one field, before its place in the file is known. */
export interface Problem {
  rule: 'missing-field' | 'unknown-field' | 'field';
  path: JsonPath;
  message: string;
}

/**
 * zod's issues as sentences that name the field, what it is and what to use instead: "`timeout_minutes` is
 * 0: use 1 to 720". zod's own texts are not used: they name neither the value nor the remedy.
 */
export function problemsOf(
  issues: readonly z.core.$ZodIssue[],
  input: unknown,
  hints: Hints,
  fieldsOf: (path: JsonPath) => readonly string[],
): Problem[] {
  return issues.flatMap((issue): Problem[] => {
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => unknownField([...issue.path, key], fieldsOf(issue.path)));
    }
    if (issue.code === 'invalid_key') {
      const parent = issue.path.slice(0, -1);
      const hint = hints[`${hintKey(parent)} key`] ?? issue.message;
      return [
        {
          rule: 'field',
          path: issue.path,
          message: `\`${fieldName(parent)}\` has the name ${quote(String(issue.path.at(-1)))}: ${hint}`,
        },
      ];
    }
    const value = valueAt(input, issue.path);
    const hint = hints[hintKey(issue.path)] ?? issue.message;
    const name = fieldName(issue.path) || 'the file';
    const what = `\`${name}\` ${describe(value)}: ${hint}`;
    return [{ rule: value === undefined ? 'missing-field' : 'field', path: issue.path, message: what }];
  });
}

function unknownField(path: JsonPath, known: readonly string[]): Problem {
  const name = String(path.at(-1));
  const near = known.find((field) => squash(field) === squash(name) || differsLittle(field, name));
  const remedy = near === undefined ? `remove it (known: ${known.join(', ')})` : `did you mean \`${near}\`?`;
  return {
    rule: 'unknown-field',
    path,
    message: `\`${clip(fieldName(path), 80)}\` is not a known field: ${remedy}`,
  };
}

/** A value in the words of a message, never longer than a line. */
export function describe(value: unknown): string {
  if (value === undefined) return 'is missing';
  if (value === '') return 'is empty';
  if (typeof value === 'string') {
    return value.length > 120 ? `has ${value.length} characters` : `is ${quote(value)}`;
  }
  if (Array.isArray(value)) return value.length === 0 ? 'is an empty list' : `is a list of ${value.length}`;
  if (typeof value === 'object' && value !== null) return 'is an object';
  return `is ${String(value)}`;
}

/** As JSON, so that line breaks and quotes inside it cannot confuse; clipped to 80 characters. */
export function quote(text: string): string {
  return JSON.stringify(clip(text, 80));
}

function clip(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length)}…` : text;
}

function hintKey(path: JsonPath): string {
  return fieldName(path)
    .replace(/\[\d+\]/g, '[]')
    .replace(/^(env|rates\.from)\..*$/s, '$1.*');
}

function valueAt(input: unknown, path: JsonPath): unknown {
  return path.reduce<unknown>((value, part) => {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined;
    return (value as Record<PropertyKey, unknown>)[part];
  }, input);
}

function squash(name: string): string {
  return name.toLowerCase().replace(/[^a-z]/g, '');
}

/** One letter added, dropped or replaced, or two neighbours swapped: the usual slips. */
function differsLittle(a: string, b: string): boolean {
  if (Math.abs(a.length - b.length) > 1 || Math.min(a.length, b.length) < 3) return false;
  let start = 0;
  while (start < a.length && a[start] === b[start]) start += 1;
  let end = 0;
  while (end < a.length - start && end < b.length - start && a.at(-1 - end) === b.at(-1 - end)) end += 1;
  const restA = a.slice(start, a.length - end);
  const restB = b.slice(start, b.length - end);
  const swapped = restA.length === 2 && restA === [...restB].reverse().join('');
  return Math.max(restA.length, restB.length) <= 1 || swapped;
}
