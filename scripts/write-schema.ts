import { writeFileSync } from 'node:fs';
import { goalJsonSchemaText, jobJsonSchemaText, scheduleJsonSchemaText } from '../src/job/json-schema.ts';

/** `npm run schema`: writes the schemas in jobs/ from the zod schemas. A test holds them equal. */
writeFileSync(new URL('../jobs/job.schema.json', import.meta.url), jobJsonSchemaText());
writeFileSync(new URL('../jobs/schedule.schema.json', import.meta.url), scheduleJsonSchemaText());
writeFileSync(new URL('../jobs/goal.schema.json', import.meta.url), goalJsonSchemaText());
