import type { Health } from './health.ts';

/** How a schedule stands and since when, for `reports/loop.md`; in English, like the whole file. */
export function loopLine(health: Pick<Health, 'result' | 'since' | 'missing' | 'flapping'>): string {
  const since =
    health.since === null
      ? ''
      : ` since ${new Date(health.since).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
  const word = { ok: `✅ as it should be${since}`, bad: `❌ not as it should be${since}` };
  const parts = [
    health.result === null ? 'no result yet' : word[health.result],
    health.missing && '⚠️ a run is missing',
    health.flapping && 'it changes all the time',
  ];
  return parts.filter(Boolean).join('; ');
}
