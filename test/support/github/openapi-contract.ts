import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv, type ValidateFunction } from 'ajv';
import { isJson, type Json, object, parse } from './json.ts';
import type { RecordedRequest } from './types.ts';

/** What test/fixtures/github-openapi.json says of one route; scripts/refresh-openapi.ts writes it. */
interface Said {
  query: string[];
  enabledForGitHubApps: boolean;
  bodyRequired: boolean;
  body?: Json;
  validate?: ValidateFunction;
}

/** Names every list may be paged by, described or not. */
const PAGING = ['per_page', 'page'];

let said: Map<string, Said> | undefined;
const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false });

function strings(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
}

/** The routes of the published description, read at the first question. */
function routes(): Map<string, Said> {
  if (said) return said;
  const path = join(import.meta.dirname, '..', '..', 'fixtures', 'github-openapi.json');
  const described = object(parse(readFileSync(path)), 'routes');
  said = new Map(
    Object.entries(described).map(([route, value]) => [
      route,
      {
        query: strings(object(value).query),
        enabledForGitHubApps: object(value).enabledForGitHubApps === true,
        bodyRequired: object(value).bodyRequired === true,
        ...(isJson(object(value).body) ? { body: object(value, 'body') } : {}),
      },
    ]),
  );
  return said;
}

/** Every route the contract knows, as `METHOD /template`. */
export function contractRoutes(): string[] {
  return [...routes().keys()];
}

/** A field the description does not name is most likely a typo, though GitHub would ignore it. */
function unknownFields(schema: Json, body: Json): string[] {
  const open = schema.oneOf ?? schema.anyOf ?? schema.allOf ?? schema.additionalProperties;
  if (open !== undefined && open !== false) return [];
  const known = Object.keys(object(schema, 'properties'));
  return Object.keys(body)
    .filter((name) => !known.includes(name))
    .map((name) => `unknown body field "${name}"`);
}

/**
 * What GitHub's OpenAPI description holds against a request: an unknown route, a query parameter or body
 * field it does not name, a body its schema refuses, or a route not enabled for GitHub Apps. GraphQL is
 * not part of it. Empty means it conforms.
 */
export function checkRequest(request: RecordedRequest): string[] {
  if (request.template === '/graphql') return [];
  const where = `${request.method} ${request.path}`;
  const route = routes().get(`${request.method} ${request.template}`);
  if (!route) return [`${where}: no such route in the contract (scripts/refresh-openapi.ts lists them)`];
  const found: string[] = [];
  // The mark speaks of installation tokens; routes for the app's JWT have it false.
  if (request.actor === 'installation' && !route.enabledForGitHubApps) {
    found.push('not enabled for GitHub Apps');
  }
  for (const name of Object.keys(request.query)) {
    if (!route.query.includes(name) && !(request.method === 'GET' && PAGING.includes(name))) {
      found.push(`unknown query parameter "${name}"`);
    }
  }
  if (route.body && (request.body !== undefined || route.bodyRequired)) {
    route.validate ??= ajv.compile(route.body);
    const body = request.body ?? {};
    if (!route.validate(body)) {
      for (const error of route.validate.errors ?? []) {
        found.push(`body${error.instancePath} ${error.message ?? 'is invalid'}`);
      }
    }
    if (isJson(body)) found.push(...unknownFields(route.body, body));
  } else if (!route.body && isJson(request.body) && Object.keys(request.body).length > 0) {
    found.push('takes no body');
  }
  return found.map((message) => `${where}: ${message}`);
}
