import { writeFileSync } from 'node:fs';
import { jobJsonSchemaText } from '../src/job/json-schema.ts';

/** `npm run schema`: writes jobs/job.schema.json from the zod schema. A test holds them equal. */
writeFileSync(new URL('../jobs/job.schema.json', import.meta.url), jobJsonSchemaText());
