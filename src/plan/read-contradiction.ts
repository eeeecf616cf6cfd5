import { randomBytes, randomUUID } from 'node:crypto';
import type { Scope } from '../github/scope.ts';
import type { Model } from '../llm/client.ts';
import { recordModelCall } from '../store/model-calls.ts';
import { type Reading, toReading, wireReading } from './contradiction-wire.ts';
import { checkModelCap } from './model-cap.ts';

/** A file that a job serves, and what the job came to. Texts are as they are; none is trusted but the file's. */
export interface Compared {
  /** In the ledger the call is this one's. */
  askKey: string;
  path: string;
  text: string;
  /** What the planner said the job is for, in that file; empty: not known. */
  passages: readonly string[];
  /** Text of the job file. */
  job: string;
  /** `succeeded: dod_met` and the like. */
  verdict: string;
  /** JSON the job wrote; empty: none. */
  report: string;
  /** The end of its log. */
  log: string;
  language: 'en' | 'ja';
}

const OUTPUT_TOKENS = 4_000;
const JOB_MAX = 8_000;
const REPORT_MAX = 4_000;
const LOG_MAX = 8_000;

/**
 * Asks the model once; an answer that cannot be used is none. The call is counted, and kept from going out by
 * the caps of the day.
 * @throws CapReachedError, ModelError
 */
export async function readContradiction(
  scope: Scope,
  model: Model,
  instructions: string,
  about: Compared,
): Promise<Reading> {
  const id = randomUUID();
  const count = (outcome: string, usage = { input: 0, output: 0 }) =>
    scope.store.write(async (tx) => {
      if (outcome === 'unanswered') await checkModelCap(tx, scope, model.name);
      await recordModelCall(tx, {
        id,
        ask_key: about.askKey,
        model: model.name,
        input_tokens: usage.input,
        output_tokens: usage.output,
        outcome,
        at: scope.now(),
      });
    });
  await count('unanswered');
  const reply = await model.structured({
    instructions,
    input: [{ role: 'user', text: renderCompared(about) }],
    schema: wireReading,
    name: 'reading',
    signal: scope.signal,
    maxOutputTokens: OUTPUT_TOKENS,
  });
  const read = reply.kind === 'ok' ? toReading(reply.value, about.text) : { wrong: reply.kind };
  await count('wrong' in read ? 'invalid' : 'ok', reply.usage);
  if (!('wrong' in read)) return read;
  scope.log.info({ path: about.path, wrong: read.wrong }, 'what the model made of a result cannot be used');
  return { kind: 'agrees' };
}

/** @param delimiter random for every call; given only by tests */
export function renderCompared(about: Compared, delimiter = randomBytes(12).toString('hex')): string {
  const lines = about.text.split(/\r?\n/).map((line, index) => `${index + 1}: ${line}`);
  const part = (name: string, text: string) =>
    `BEGIN ${delimiter} ${name}\n${text}\nEND ${delimiter} ${name}\n`;
  return [
    `Language of \`why\`: ${about.language === 'ja' ? 'Japanese' : 'English'}.`,
    `The file is ${JSON.stringify(about.path)}; the number before each line is not part of it.`,
    `The job's definition of done says: ${about.verdict}.`,
    part('file', lines.join('\n')),
    about.passages.length > 0 ? part('passages the job was planned for', about.passages.join('\n')) : '',
    part('job file', about.job.slice(0, JOB_MAX)),
    about.report ? part('JSON the job wrote', about.report.slice(0, REPORT_MAX)) : '',
    part('end of its output', about.log.slice(-LOG_MAX)),
  ]
    .filter(Boolean)
    .join('\n');
}
