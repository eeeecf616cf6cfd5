import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { goalSchema } from '../../src/job/goal.ts';
import { goalFindings } from '../../src/job/goal-findings.ts';
import { GOAL_HINTS } from '../../src/job/goal-hints.ts';
import { goalJsonSchema, goalJsonSchemaText } from '../../src/job/json-schema.ts';
import { parseGoal } from '../../src/job/parse-goal.ts';
import { DEFAULT_SETTINGS } from '../../src/job/settings.ts';
import { goalText, MINIMAL_GOAL } from './minimal-goal.ts';

const path = 'jobs/goals/readme-ok.json';
const { envelope, first_job } = MINIMAL_GOAL;

/** `line field: message` of each finding. */
function said(text: string): string[] {
  const parsed = parseGoal(text, { path });
  const findings = parsed.ok ? goalFindings(parsed, path, DEFAULT_SETTINGS) : parsed.findings;
  return findings.map(({ line, field, severity, message }) => `${line} ${field} ${severity}: ${message}`);
}

describe('parseGoal', () => {
  it('fills in what is left out', () => {
    const parsed = parseGoal(goalText(), { path });
    expect(parsed).toMatchObject({
      ok: true,
      goal: { envelope: { kinds: ['run_shell'], paths: [], max_jobs: 5, max_usd: 1, max_hours: 24 } },
      firstJob: { goal: 'readme-ok', script: ['cat README.md'] },
    });
    expect(said(goalText())).toEqual([]);
  });

  it.each([
    ['not JSON', '{', /^1 undefined failure: the file is not JSON/],
    ['another name', goalText({ id: 'other' }), /^2 id failure: `id` is "other" in a file called/],
    [
      'a name like a job',
      goalText({ id: '2026-11-22-001' }),
      /^2 id failure: `id` is "2026-11-22-001": use lower-case/,
    ],
    [
      'an unknown field',
      goalText({ goals: 'x' }),
      /^\d+ goals failure: `goals` is not a known field: did you mean `goal`/,
    ],
    ['a DoD that is no CEL', goalText({ dod: 'exit_code =' }), /dod failure: `dod` is no usable CEL/],
    [
      'a workdir with ..',
      goalText({ envelope: { ...envelope, workdirs: ['/a/../b'] } }),
      /envelope.workdirs\[0\] failure/,
    ],
    [
      'a command of two',
      goalText({ envelope: { ...envelope, commands: ['ls; rm x'] } }),
      /envelope.commands\[0\] failure/,
    ],
    [
      'a path that leaves',
      goalText({ envelope: { ...envelope, paths: ['../x'] } }),
      /envelope.paths\[0\] failure/,
    ],
    ['an unknown effect', goalText({ envelope: { ...envelope, effect: 'all' } }), /envelope.effect failure/],
    [
      'a first job with an id',
      goalText({ first_job: { ...first_job, id: 'x' } }),
      /first_job.id failure: .*written by the app/,
    ],
    [
      'a first job without a script',
      goalText({ first_job: { ...first_job, script: undefined } }),
      /first_job.script failure: first_job: `script` is missing/,
    ],
    [
      'a first job with a wrong DoD',
      goalText({ first_job: { ...first_job, dod: '(' } }),
      /first_job.dod failure/,
    ],
  ])('refuses %s, with its line', (_, text, expected) => {
    expect(said(text)).toContainEqual(expect.stringMatching(expected));
  });

  it('refuses a key that is there twice', () => {
    expect(said(goalText().replace('{', '{ "id": "readme-ok",'))).toEqual([
      expect.stringMatching(/^2 id failure: `id` is there twice/),
    ]);
  });
});

describe('goalFindings', () => {
  it.each([
    [
      'more jobs than the policy allows',
      { envelope: { ...envelope, max_jobs: 6 } },
      /failure: .*at most 5 \(limits.jobs_per_goal\)/,
    ],
    [
      'a first job outside the envelope',
      { first_job: { ...first_job, script: ['ls'] } },
      /^\d+ first_job.script\[0\] failure: first_job leaves the envelope/,
    ],
    ['a secret in its words', { goal: `use ghp_${'a1B2'.repeat(9)}` }, /goal failure: .*secret/],
    [
      'a command that runs anything',
      { envelope: { ...envelope, commands: ['cat', 'bash'] } },
      /envelope.commands\[1\] warning: .*nearly anything/,
    ],
    [
      'what the policy says of the first job',
      {
        envelope: { ...envelope, commands: ['sudo cat'] },
        first_job: { ...first_job, script: ['sudo cat x'] },
      },
      /warning: first_job: .*sudo/,
    ],
  ])('finds %s', (_, changes, expected) => {
    expect(said(goalText(changes)).join('\n')).toMatch(expected);
  });
});

describe('the JSON Schema of a goal file', () => {
  it('is what `npm run schema` writes, and judges as an editor would', () => {
    const file = readFileSync(new URL('../../jobs/goal.schema.json', import.meta.url), 'utf8');
    expect(file).toBe(goalJsonSchemaText());
    const schema = z.fromJSONSchema(goalJsonSchema() as Parameters<typeof z.fromJSONSchema>[0]);
    expect(schema.safeParse(MINIMAL_GOAL).success).toBe(true);
    expect(schema.safeParse({ ...MINIMAL_GOAL, first_job: { ...first_job, id: 'x' } }).success).toBe(false);
    expect(schema.safeParse({ ...MINIMAL_GOAL, envelope: {} }).success).toBe(false);
  });

  it('has a hint for every field', () => {
    const { shape } = goalSchema;
    for (const field of Object.keys(shape)) expect(Object.keys(GOAL_HINTS)).toContain(field);
    for (const field of Object.keys(shape.envelope.shape))
      expect(Object.keys(GOAL_HINTS)).toContain(`envelope.${field}`);
  });
});

describe('docs/goals.md', () => {
  const docs = readFileSync(new URL('../../docs/goals.md', import.meta.url), 'utf8');

  it('shows a goal file that is valid and that the policy has nothing to say about', () => {
    const [, example = ''] = /```json\n([\s\S]*?)```/.exec(docs) ?? [];
    const parsed = parseGoal(example, { path: 'jobs/goals/smoke-ok.json' });
    expect(parsed).toMatchObject({ ok: true });
    if (parsed.ok) expect(goalFindings(parsed, path, DEFAULT_SETTINGS)).toEqual([]);
  });

  it('names every field of the envelope', () => {
    for (const field of Object.keys(goalSchema.shape.envelope.shape)) expect(docs).toContain(`\`${field}\``);
  });
});
