import { z } from 'zod';
import { GIVEN_BY_APP, goalSchema } from './goal.ts';
import { codexJobSchema, shellJobSchema } from './job.ts';
import { scheduleSchema, TICK_FIELDS } from './schedule/schedule.ts';

/**
 * The JSON Schema of a job file for editors, from the zod schema (input side: defaults may be left out).
 * It cannot say everything: parseJob judges.
 */
export function jobJsonSchema(): Record<string, unknown> {
  const { $schema, ...schema } = z.toJSONSchema(z.union([shellJobSchema, codexJobSchema]), {
    io: 'input',
    target: 'draft-2020-12',
  });
  return {
    $schema,
    $id: 'urn:guruguru:job:1',
    title: 'guruguru job file, version 1',
    description: 'One approved piece of work: jobs/queue/<id>.json. `guruguru job check FILE` says more.',
    ...schema,
  };
}

/** The text of jobs/job.schema.json. */
export function jobJsonSchemaText(): string {
  return `${JSON.stringify(jobJsonSchema(), null, 2)}\n`;
}

/** The JSON Schema of a schedule file; its template is a job's, without what every tick gets of its own. */
export function scheduleJsonSchema(): Record<string, unknown> {
  const { $schema, ...schema } = z.toJSONSchema(scheduleSchema, { io: 'input', target: 'draft-2020-12' });
  const { $schema: _, ...job } = z.toJSONSchema(shellJobSchema, { io: 'input', target: 'draft-2020-12' });
  const isOurs = (field: string) => TICK_FIELDS.some((other) => other === field);
  const template = {
    description: scheduleSchema.shape.job.description,
    ...job,
    properties: Object.fromEntries(Object.entries(job.properties ?? {}).filter(([field]) => !isOurs(field))),
    required: job.required?.filter((field) => !isOurs(field)),
  };
  return {
    $schema,
    $id: 'urn:guruguru:schedule:1',
    title: 'guruguru schedule file, version 1',
    description: 'One approved schedule: jobs/schedules/<name>.json. `guruguru job check FILE` says more.',
    ...schema,
    properties: { ...schema.properties, job: template },
  };
}

/** The text of jobs/schedule.schema.json. */
export function scheduleJsonSchemaText(): string {
  return `${JSON.stringify(scheduleJsonSchema(), null, 2)}\n`;
}

/** The JSON Schema of a goal file for editors; `first_job` is a job file without what the app gives it. */
export function goalJsonSchema(): Record<string, unknown> {
  const { $schema, ...schema } = z.toJSONSchema(goalSchema, { io: 'input', target: 'draft-2020-12' });
  const { anyOf } = jobJsonSchema() as {
    anyOf: { properties: Record<string, unknown>; required: string[] }[];
  };
  const isOwn = (field: string) => !(GIVEN_BY_APP as readonly string[]).includes(field);
  const properties = schema.properties as Record<string, unknown>;
  return {
    $schema,
    $id: 'urn:guruguru:goal:1',
    title: 'guruguru goal file, version 1',
    description: 'One approved direction: jobs/goals/<id>.json. See docs/goals.md.',
    ...schema,
    properties: {
      ...properties,
      first_job: {
        description: goalSchema.shape.first_job.description,
        anyOf: anyOf.map((kind) => ({
          ...kind,
          properties: Object.fromEntries(Object.entries(kind.properties).filter(([field]) => isOwn(field))),
          required: kind.required.filter(isOwn),
        })),
      },
    },
  };
}

/** The text of jobs/goal.schema.json. */
export function goalJsonSchemaText(): string {
  return `${JSON.stringify(goalJsonSchema(), null, 2)}\n`;
}
