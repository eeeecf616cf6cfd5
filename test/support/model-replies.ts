import { readdir, readFile } from 'node:fs/promises';
import type { WirePlan } from '../../src/plan/wire.ts';
import type { ModelMatch, ModelReply, ModelRequest } from './model.ts';

type WireJob = Extract<WirePlan['result'], { kind: 'job' }>;

/** One recorded answer: `test/fixtures/model/<name>.json`. */
export interface Recording {
  name: string;
  /** How the answer came to be; shown where it is replayed. */
  source: string;
  /** The ask it answers, and the part of it by which it is found again. */
  ask: string;
  match: string;
  onPull: boolean;
  usage: { input: number; output: number };
  answer: WirePlan;
}

const FOLDER = new URL('../fixtures/model/', import.meta.url);

export async function recordings(): Promise<Recording[]> {
  const names = (await readdir(FOLDER)).filter((name) => name.endsWith('.json')).sort();
  return Promise.all(
    names.map(async (name): Promise<Recording> => {
      const recording: Omit<Recording, 'name'> = JSON.parse(await readFile(new URL(name, FOLDER), 'utf8'));
      return { name: name.replace(/\.json$/, ''), ...recording };
    }),
  );
}

/** The recorded answers, for `startModel({ replies })`. */
export async function recordedReplies(): Promise<ModelMatch[]> {
  return (await recordings()).map((recording) => ({
    match: recording.match,
    reply: (request) => replay(recording, request),
  }));
}

/** A passage can only be served where its file is: of the others the answer says nothing. */
function replay({ answer, usage }: Recording, request: ModelRequest): ModelReply {
  const { result } = answer;
  if (result.kind !== 'job') return { text: answer, usage };
  const serves = result.serves.filter(({ path }) => request.input.includes(`label=${JSON.stringify(path)}`));
  return { text: { result: { ...result, serves } }, usage };
}

/** A plan with a job as the model would send it; `script` lines get a reason. */
export function jobAnswer(job: Partial<Omit<WireJob, 'script'>> & { script?: string[] } = {}): WirePlan {
  const { script = ['echo hello'], ...rest } = job;
  return {
    result: {
      kind: 'job',
      title: 'Say hello',
      summary: 'Says hello and changes nothing.',
      workdir: null,
      script: script.map((run) => ({ run, why: `needed: ${run.slice(0, 40)}` })),
      dod: 'exit_code == 0',
      runs_on: null,
      requires: null,
      touches: null,
      effect: 'read',
      timeout_minutes: null,
      env: null,
      secrets: null,
      concurrency: null,
      idempotent: true,
      undo: 'Nothing to undo.',
      serves: [],
      ...rest,
    },
  };
}

type WireSchedule = Extract<WirePlan['result'], { kind: 'schedule' }>;

/** A plan with a schedule as the model would send it: every morning at seven. */
export function scheduleAnswer(
  schedule: Partial<Omit<WireSchedule, 'kind' | 'script'>> & { script?: string[] } = {},
): WirePlan {
  const { script, name = 'hello-ready', cron = '0 7 * * *', time_zone = 'Asia/Tokyo', ...rest } = schedule;
  const { result } = jobAnswer({ ...rest, ...(script ? { script } : {}) });
  if (result.kind !== 'job') throw new Error('not a job');
  return { result: { ...result, kind: 'schedule', name, cron, time_zone } };
}
