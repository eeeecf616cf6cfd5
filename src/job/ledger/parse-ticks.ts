import { z } from 'zod';
import { runEntry } from '../report-format.ts';
import { agentResult } from '../run-result.ts';
import { parseTickId } from '../tick-id.ts';
import type { LedgerRecord } from './entry.ts';

const { state, attempt, runner, started_at, finished_at, duration_seconds } = runEntry.shape;
/** What the ledger reads of a line of a schedule's day. */
const tickLine = z.object({
  tick: z.string().refine((id) => parseTickId(id) !== null),
  state,
  attempt,
  runner,
  started_at,
  finished_at,
  duration_seconds,
  dod: z.object({ verdict: runEntry.shape.dod.shape.verdict }),
  agent: z.object({ usage: agentResult.shape.usage }).optional(),
  model: z.string().optional(),
  touches: z.array(z.string()).optional(),
  effect: z.enum(['read', 'change']).optional(),
});

/** The runs in a file of ticks, a line each; what is no such line, or a tick without a run, is left out. */
export function parseTicks(text: string): LedgerRecord[] {
  return text.split('\n').flatMap((line): LedgerRecord[] => {
    const parsed = tickLine.safeParse(parseJson(line));
    if (!parsed.success) return [];
    const { tick: id, touches, effect, model, ...run } = parsed.data;
    return [
      {
        id,
        ...(touches ? { touches } : {}),
        ...(effect ? { effect } : {}),
        ...(model ? { model } : {}),
        runs: [run],
      },
    ];
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
