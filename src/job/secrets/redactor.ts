/** What stands where a secret was. */
export const REDACTED = '***';

export interface Redactor {
  /** The text that can no longer be part of a secret; the rest waits for the next push. */
  push(text: string): string;
  /** What was held back only because more might belong to it. */
  settle(): string;
  /** What was held back. */
  end(): string;
}
