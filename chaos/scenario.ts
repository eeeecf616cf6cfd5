import { type Random, random } from './support/random.ts';

/** What the people around one ask do, and what its job does. Fixed by seed and number alone. */
export interface Scenario {
  /** A word that stands in the ask and in its job's script, and in no other. */
  mark: string;
  /** Milliseconds from the start. */
  at: number;
  asker: 'octo' | 'writer' | 'writer2' | 'stranger';
  /** `fence`: shell lines. `job_file`: a pasted job. `prose`: for the model. */
  form: 'fence' | 'job_file' | 'prose';
  /** Written as a comment, or as the text of a new issue. */
  place: 'comment' | 'opening';
  /** Number of a thread that several asks share, or null for one of its own. */
  sharedThread: number | null;
  /** What the model makes of prose. */
  plan: 'job' | 'answer' | 'question' | 'refusal';
  job: JobBehaviour;
  /** What happens to a job PR that does not merge itself. */
  decision: 'review' | 'approve_on_pull' | 'approve_on_thread' | 'hand_merge' | 'close' | 'leave';
  /** Milliseconds from the job PR to the decision. */
  hesitation: number;
  /** Milliseconds from the ask to `/cancel`, or null. */
  cancelAfter: number | null;
  /** Says `/retry` once its first run has been told. */
  retries: boolean;
}

export interface JobBehaviour {
  idempotent: boolean;
  /** Seconds of each of its pauses; two digits after the point. */
  pauses: string[];
  ends: 'well' | 'badly';
  /** Prints a secret it was given, in several forms. */
  tells: boolean;
}

const SHARED_THREADS = 3;

export function createScenarios(seed: number, asks: number, spanMs: number): Scenario[] {
  return Array.from({ length: asks }, (_, index) =>
    createScenario(random(seed, `ask ${index}`), index, (index / asks) * spanMs),
  );
}

function createScenario(r: Random, index: number, at: number): Scenario {
  const asker = r.weighted({ octo: 50, writer: 25, writer2: 20, stranger: 5 });
  const form = r.weighted({ fence: 45, job_file: 25, prose: 30 });
  const shared = r.chance(0.15);
  const opening = r.chance(0.15);
  const job: JobBehaviour = {
    idempotent: form === 'fence' ? false : r.chance(0.4),
    pauses: Array.from({ length: Math.floor(r.between(1, 4)) }, () => r.between(0, 1.2).toFixed(2)),
    ends: r.weighted({ well: 85, badly: 15 }) as 'well' | 'badly',
    tells: form !== 'fence' && r.chance(0.4),
  };
  return {
    mark: `mark${String(index).padStart(5, '0')}`,
    at: at + r.between(0, 1_000),
    asker,
    form,
    place: opening ? 'opening' : 'comment',
    sharedThread: shared && !opening ? Math.floor(r.between(0, SHARED_THREADS)) : null,
    plan: r.weighted({ job: 75, answer: 15, question: 5, refusal: 5 }),
    job,
    decision: r.weighted({
      review: 40,
      approve_on_pull: 20,
      approve_on_thread: 10,
      hand_merge: 20,
      close: 7,
      leave: 3,
    }),
    hesitation: r.between(50, 1_500),
    // In a thread with other asks it would be unclear whose job is meant.
    cancelAfter: r.chance(0.08) && !shared ? r.between(100, 6_000) : null,
    retries: r.chance(0.12) && !shared,
  };
}

/** The lines of an ask's job. Each leaves a trace outside the app's and the runner's reach. */
export function scriptOf(scenario: Scenario, startsFolder: string): string[] {
  const file = `${startsFolder}/${scenario.mark}`;
  const trace = (what: string) => `echo "${what} $GURUGURU_RUN $GURUGURU_JOB" >> ${file}`;
  const { pauses, tells, ends } = scenario.job;
  return [
    trace('start 0'),
    `echo "this is ${scenario.mark}"`,
    ...(tells ? tellingLines() : []),
    ...pauses.flatMap((seconds, index) => [`sleep ${seconds}`, trace(`line ${index + 1}`)]),
    ...(ends === 'badly' ? ['echo "it ends badly" >&2', 'exit 3'] : []),
  ];
}

export const CANARY_NAME = 'CHAOS_CANARY';

function tellingLines(): string[] {
  return [
    `echo "plain: $${CANARY_NAME}"`,
    `printf %s "$${CANARY_NAME}" | base64 | tr -d '\\n'; echo`,
    `printf %s "x$${CANARY_NAME}" | base64 | tr -d '\\n'; echo`,
    `printf %s "$${CANARY_NAME}" | head -c 9; sleep 0.15; printf %s "$${CANARY_NAME}" | tail -c +10; echo`,
  ];
}

/** The comment or opening text. */
export function askText(scenario: Scenario, script: readonly string[]): string {
  const { form, mark, job } = scenario;
  switch (form) {
    case 'prose':
      return `/ask please look after ${mark}`;
    case 'fence':
      return `/ask\n\`\`\`sh\n${script.join('\n')}\n\`\`\``;
    case 'job_file': {
      const file = {
        title: `Look after ${mark}`,
        script,
        idempotent: job.idempotent,
        ...(job.tells ? { secrets: [CANARY_NAME] } : {}),
      };
      return `/ask\n\`\`\`json\n${JSON.stringify(file, null, 2)}\n\`\`\``;
    }
  }
}
