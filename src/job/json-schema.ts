import { z } from 'zod';
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
