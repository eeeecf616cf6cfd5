/** A JSON object as it comes off the wire; read it through the helpers below, never by casting. */
export type Json = Record<string, unknown>;

/** True for a JSON object; arrays and null are not. */
export function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The value at a path of keys, or undefined as soon as a step is missing. */
export function at(value: unknown, ...path: string[]): unknown {
  let current = value;
  for (const key of path) {
    if (!isJson(current)) return undefined;
    current = current[key];
  }
  return current;
}

/** The string at a path, or '' when there is none. */
export function text(value: unknown, ...path: string[]): string {
  const found = at(value, ...path);
  return typeof found === 'string' ? found : '';
}

/** The number at a path, or NaN when there is none. */
export function int(value: unknown, ...path: string[]): number {
  const found = at(value, ...path);
  return typeof found === 'number' ? found : Number.NaN;
}

/** The object at a path, or {} when there is none. */
export function object(value: unknown, ...path: string[]): Json {
  const found = at(value, ...path);
  return isJson(found) ? found : {};
}

/** The objects of the array at a path, or [] when there is none. */
export function list(value: unknown, ...path: string[]): Json[] {
  const found = at(value, ...path);
  return Array.isArray(found) ? found.filter(isJson) : [];
}

/** Parses JSON; undefined for an empty or malformed body. */
export function parse(body: Buffer | string): unknown {
  try {
    return JSON.parse(body.toString());
  } catch {
    return undefined;
  }
}
