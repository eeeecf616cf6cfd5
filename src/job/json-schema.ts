import { z } from 'zod';
import { codexJobSchema, shellJobSchema } from './job.ts';

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
