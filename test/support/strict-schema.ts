/** Keywords that OpenAI's strict mode refuses (platform documentation, "Structured Outputs: supported schemas"). */
const REFUSED = [
  'oneOf',
  'allOf',
  'not',
  'if',
  'dependentRequired',
  'dependentSchemas',
  'patternProperties',
  'propertyNames',
  'unevaluatedProperties',
  'default',
];
const DEPTH_MAX = 10;

type Schema = Record<string, unknown>;

/** Why strict mode would refuse this JSON schema; empty = it would take it. */
export function strictProblems(schema: unknown): string[] {
  if (!isSchema(schema)) return ['the schema is not an object'];
  const root = [];
  if ('anyOf' in schema || 'oneOf' in schema) root.push('root: a union is not permitted');
  if (schema.type !== 'object') root.push('root: type must be "object"');
  return [...root, ...problems(schema, 'root', 0)];
}

function problems(schema: unknown, at: string, depth: number): string[] {
  if (!isSchema(schema)) return [`${at}: is not a schema`];
  if (depth > DEPTH_MAX) return [`${at}: nests deeper than ${DEPTH_MAX}`];
  const found = REFUSED.filter((word) => word in schema).map((word) => `${at}: "${word}" is not permitted`);
  if (!['type', 'anyOf', '$ref', 'enum', 'const'].some((word) => word in schema))
    found.push(`${at}: has no type`);
  if (schema.type === 'object' || 'properties' in schema) found.push(...objectProblems(schema, at, depth));
  if (schema.type === 'array') found.push(...problems(schema.items, `${at}[]`, depth));
  for (const word of ['anyOf', '$defs', 'definitions']) {
    const inner = schema[word];
    if (typeof inner !== 'object' || inner === null) continue;
    for (const [key, value] of Object.entries(inner))
      found.push(...problems(value, `${at}.${word}.${key}`, depth));
  }
  return found;
}

function objectProblems(schema: Schema, at: string, depth: number): string[] {
  const found = [];
  if (schema.additionalProperties !== false) found.push(`${at}: "additionalProperties" must be false`);
  const properties = isSchema(schema.properties) ? schema.properties : {};
  const required = Array.isArray(schema.required) ? schema.required : [];
  for (const [name, value] of Object.entries(properties)) {
    if (!required.includes(name)) found.push(`${at}.${name}: must be in "required"`);
    found.push(...problems(value, `${at}.${name}`, depth + 1));
  }
  return found;
}

function isSchema(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
