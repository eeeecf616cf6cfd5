import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { JOB_SCHEMAS } from '../../src/job/job.ts';
import { JOB_HINTS } from '../../src/job/job-hints.ts';
import { jobJsonSchema, jobJsonSchemaText } from '../../src/job/json-schema.ts';
import { parseJob } from '../../src/job/parse-job.ts';
import { policyFindings } from '../../src/job/policy.ts';
import { DEFAULT_SETTINGS } from '../../src/job/settings.ts';
import { MINIMAL } from './minimal-job.ts';

const jobs = new URL('../../jobs/', import.meta.url);
const read = (file: string) => readFileSync(new URL(file, jobs), 'utf8');
const examples = readdirSync(new URL('examples/', jobs)).filter((file) => file.endsWith('.json'));

describe('the JSON Schema of a job file', () => {
  it('is what `npm run schema` writes', () => {
    expect(read('job.schema.json')).toBe(jobJsonSchemaText());
  });

  it('requires six fields, refuses unknown ones and helps with every field', () => {
    const kinds = jobJsonSchema().anyOf as Record<string, unknown>[];
    expect(kinds.map((kind) => kind.required)).toEqual([
      Object.keys(MINIMAL),
      Object.keys(MINIMAL).map((field) => (field === 'script' ? 'prompt' : field)),
    ]);
    for (const { additionalProperties, properties } of kinds) {
      expect(additionalProperties).toBe(false);
      for (const [field, property] of Object.entries(
        properties as Record<string, { description?: string }>,
      )) {
        expect([field, property.description]).toEqual([field, expect.stringMatching(/\.$/)]);
      }
    }
  });

  it('judges jobs as an editor would', () => {
    const schema = z.fromJSONSchema(jobJsonSchema() as Parameters<typeof z.fromJSONSchema>[0]);
    expect(schema.safeParse(MINIMAL).success).toBe(true);
    expect(schema.safeParse({ ...MINIMAL, timeout_minutes: 0 }).success).toBe(false);
    expect(schema.safeParse({ ...MINIMAL, prompt: 'x' }).success).toBe(false);
    for (const file of examples)
      expect(schema.safeParse(JSON.parse(read(`examples/${file}`))).success).toBe(true);
  });

  it('has a hint for every field', () => {
    const fields = Object.values(JOB_SCHEMAS).flatMap(({ shape }) => Object.keys(shape));
    expect(fields.filter((field) => !(field in JOB_HINTS))).toEqual([]);
  });
});

describe('jobs/examples', () => {
  it('has some', () => {
    expect(examples.length).toBeGreaterThanOrEqual(3);
  });

  it.each(examples)('%s is a valid job that the policy has nothing to say about', (file) => {
    const text = read(`examples/${file}`);
    const path = `jobs/queue/${file}`;
    const parsed = parseJob(text, { path });
    expect(parsed).toMatchObject({ ok: true });
    if (parsed.ok) expect(policyFindings(parsed.job, text, path, DEFAULT_SETTINGS)).toEqual([]);
  });
});
