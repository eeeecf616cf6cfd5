import type { ModelMatch } from '../test/support/model.ts';
import { jobAnswer } from '../test/support/model-replies.ts';

/** What is asked in the story, and what the model answers: written by hand in the wire's form. */
export const MORNING_ASK = '毎朝7時に hello の READY を確認して';
export const GOAL = 'the smoke tests pass and none is skipped';
export const CODEX_ASK = [
  'this brief, as it is',
  '```codex',
  "printf '\\n## Usage\\n\\nOpen the URL.\\n' >> README.md",
  'say I added a usage section to the README.',
  '```',
].join('\n');

const { result: plain } = jobAnswer();
if (plain.kind !== 'job') throw new Error('jobAnswer answers with a job');
const { kind: _, ...fields } = plain;

const morning = {
  ...fields,
  kind: 'schedule',
  name: 'hello-ready',
  cron: '0 7 * * *',
  time_zone: 'Asia/Tokyo',
  title: '毎朝7時に hello の READY を確認する',
  summary:
    'KService hello の状態を一度読むだけで、何も変更しません。READY が変わったときだけお知らせします。',
  script: [
    {
      run: 'kubectl get ksvc hello --output json > "$GURUGURU_REPORT"',
      why: '状態を JSON のまま報告に残し、完了条件が読めるようにします。',
    },
  ],
  dod: 'report.status.conditions.exists(c, c.type == "Ready" && c.status == "True")',
  touches: ['gke'],
  timeout_minutes: 5,
  undo: '読むだけなので、元に戻すものはありません。',
};

const look = (title: string, run: string, effect: 'read' | 'change' = 'read') => ({
  ...fields,
  kind: 'job',
  title,
  summary: 'Looks at the result of the smoke tests.',
  script: [{ run, why: 'To see where the goal stands.' }],
  runs_on: ['devbox'],
  effect,
  timeout_minutes: 5,
  idempotent: false,
  undo: 'git checkout smoke.txt',
});

const goal = {
  kind: 'goal',
  title: 'The smoke tests pass, none skipped',
  summary: 'First a look at what is skipped, then the tests with nothing left out.',
  goal: 'The smoke tests pass and none is skipped.',
  dod: 'stdout.contains("3 passed")',
  envelope: {
    runners: ['devbox'],
    workdirs: null,
    kinds: ['run_shell'],
    commands: ['cat', 'sed -i'],
    effect: 'change',
    paths: ['smoke.txt'],
    timeout_minutes: 10,
    max_jobs: 5,
    max_usd: 1,
    max_hours: 24,
  },
  first_job: look('What do the smoke tests say?', 'cat smoke.txt'),
};

const next = {
  kind: 'next',
  why: 'Two pass and one is skipped: with it back in, three should.',
  job: {
    ...look('Take the skipped test back in', "sed -i 's/2 passed, 1 skipped/3 passed/' smoke.txt", 'change'),
    script: [
      { run: "sed -i 's/2 passed, 1 skipped/3 passed/' smoke.txt", why: 'Takes the skipped test back in.' },
      { run: 'cat smoke.txt', why: 'Shows the result.' },
    ],
  },
};

/** Each prompt says who the model is. */
export function storyReplies(): ModelMatch[] {
  return [
    {
      match: /./s,
      reply: ({ instructions }) => {
        const result = /You are the judge/.test(instructions)
          ? next
          : /turn it into a goal file/.test(instructions)
            ? goal
            : morning;
        return { text: { result } };
      },
    },
  ];
}
