import type { ShownVerdict } from '../messages/views.ts';

/** The sign in front of a verdict, always followed by its word. */
export function verdictSymbol(verdict: ShownVerdict): string {
  return { succeeded: '✅', failed: '❌', cancelled: '🚫', lost: '⚠️' }[verdict];
}
