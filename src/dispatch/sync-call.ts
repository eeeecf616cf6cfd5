import type { z } from 'zod';
import type { RunnerErrorCode, syncRequest } from './protocol.ts';

export interface SyncCall {
  runId: string;
  /** null: the app does not know the bearer token, as after the loss of its database. */
  tokenId: string | null;
  /** What the bearer token covers, `owner/name` in lower case. */
  repositories: readonly string[];
  request: z.output<typeof syncRequest>;
  now: number;
}

export type SyncOutcome =
  /** `offset`: log bytes stored. `drain`: take nothing more after this run. */
  | { ok: true; offset: number; cancel: boolean; drain: boolean }
  | { ok: false; code: RunnerErrorCode; message: string; offset?: number };

export type Refusal = Extract<SyncOutcome, { ok: false }>;

export function refuse(code: RunnerErrorCode, message: string, offset?: number): Refusal {
  return { ok: false, code, message, ...(offset === undefined ? {} : { offset }) };
}
