import { z } from 'zod';
import { type AgentResult, agentResult } from '../run-result.ts';
import { redactPublished } from '../secrets/redact-published.ts';
import { holdsSecretText } from './apply-diff.ts';
import { CHANGE_CODES } from './judge-change.ts';
import { parseDiff } from './parse-diff.ts';

/** What became of an agent's change. `detail`: a path, a number or GitHub's words. */
export const changeRecord = z.discriminatedUnion('state', [
  z.strictObject({ state: z.literal('none') }),
  /** A PR is to be opened; never on record. */
  z.strictObject({ state: z.literal('due') }),
  z.strictObject({ state: z.literal('proposed'), pull: z.int(), url: z.string() }),
  z.strictObject({
    state: z.literal('kept'),
    code: z.enum(CHANGE_CODES),
    detail: z.string().nullable(),
    /** The diff's path in the repository; null where it is not published. */
    diff: z.string().nullable(),
  }),
]);
export type ChangeRecord = z.infer<typeof changeRecord>;

/** An agent's part of a run in the result record. */
export const agentEntry = agentResult
  .pick({ base: true, usage: true, message: true, files: true })
  .extend({ change: changeRecord });
export type AgentEntry = z.infer<typeof agentEntry>;

/** `propose`: there is an app that opens PRs. `diffPath`: where a diff that is kept goes. */
export function agentEntryOf(
  agent: AgentResult,
  about: { succeeded: boolean; propose: boolean; diffPath: string | null },
): AgentEntry {
  const { base, usage, message, files } = agent;
  return { base, usage, message, files, change: changeOf(agent, about) };
}

function changeOf(
  { diff, kept }: AgentResult,
  { succeeded, propose, diffPath }: { succeeded: boolean; propose: boolean; diffPath: string | null },
): ChangeRecord {
  if (kept) return { state: 'kept', code: kept.code, detail: kept.message, diff: null };
  if (diff === '') return { state: 'none' };
  // The runner has looked for the secrets it knows; what has the shape of one is seen here as well.
  const parsed = parseDiff(diff);
  if (holdsSecretText(diff, parsed.ok ? parsed.files : [], redactPublished))
    return { state: 'kept', code: 'secret', detail: null, diff: null };
  if (!succeeded) return { state: 'kept', code: 'not_succeeded', detail: null, diff: diffPath };
  return propose ? { state: 'due' } : { state: 'kept', code: 'no_app', detail: null, diff: diffPath };
}
