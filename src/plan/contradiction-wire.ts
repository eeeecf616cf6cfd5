import { z } from 'zod';
import { redactPublished } from '../job/secrets/redact-published.ts';
import { plainText } from '../messages/plain-text.ts';

/** What the model answers, for OpenAI's strict mode; see wire.ts. */
export const wireReading = z.strictObject({
  result: z.union([
    z.strictObject({ kind: z.literal('agrees') }),
    z.strictObject({
      kind: z.literal('contradicts'),
      line: z.number().describe('Number of the line, as it stands before it.'),
      replacement: z.string().describe('The whole line as it should read.'),
      why: z.string().describe('One or two sentences for the maintainer.'),
    }),
  ]),
});

/** What a model makes of a file and a result; `passage`: the line as it is. */
export const reading = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('agrees') }),
  z.strictObject({
    kind: z.literal('contradicts'),
    /** From 1. */
    line: z.int().min(1),
    passage: z.string(),
    replacement: z.string(),
    why: z.string(),
  }),
]);
export type Reading = z.infer<typeof reading>;

/** A line may grow by this much: an edit is not an essay. */
const GROWS_BY = 300;
const WHY_MAX = 600;

/** The model's answer, if it can be used with this file; otherwise what is wrong with it. */
export function toReading(value: unknown, text: string): Reading | { wrong: string } {
  const parsed = wireReading.safeParse(value);
  if (!parsed.success) return { wrong: 'the answer does not follow the schema' };
  const { result } = parsed.data;
  if (result.kind === 'agrees') return result;
  const { line, replacement } = result;
  const passage = text.split(/\r?\n/)[line - 1];
  if (passage === undefined || passage.trim() === '') return { wrong: `there is no line ${line}` };
  if (/[\r\n]/.test(replacement)) return { wrong: 'the replacement has a line break' };
  if (replacement.trim() === passage.trim()) return { wrong: 'the replacement changes nothing' };
  if (replacement.length > passage.length + GROWS_BY) return { wrong: 'the replacement is too long' };
  if (plainText(replacement) !== replacement || replacement.includes('<!--'))
    return { wrong: 'the replacement has characters that nobody sees' };
  if (redactPublished(replacement) !== replacement) return { wrong: 'the replacement looks like a secret' };
  return { kind: 'contradicts', line, passage, replacement, why: result.why.slice(0, WHY_MAX) };
}

/** The text with that line replaced; its line ends stay. */
export function withLine(text: string, { line, replacement }: { line: number; replacement: string }): string {
  const parts = text.split(/(\r?\n)/);
  parts[(line - 1) * 2] = replacement;
  return parts.join('');
}
