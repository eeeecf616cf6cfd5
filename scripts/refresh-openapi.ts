/**
 * Writes test/fixtures/github-openapi.json: what the contract test needs of GitHub's published
 * OpenAPI description. Run it when a route is added below or GitHub's description changes:
 * `node scripts/refresh-openapi.ts`. Fetches `@octokit/openapi` from npm into a temporary folder.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const ROUTES = [
  'GET /app',
  'GET /app/installations',
  'GET /app/installations/{installation_id}',
  'POST /app/installations/{installation_id}/access_tokens',
  'GET /app/hook/deliveries',
  'GET /app/hook/deliveries/{delivery_id}',
  'POST /app/hook/deliveries/{delivery_id}/attempts',
  'POST /app-manifests/{code}/conversions',
  'GET /installation/repositories',
  'GET /rate_limit',
  'GET /users/{username}',
  'GET /orgs/{org}/teams/{team_slug}/memberships/{username}',
  'GET /repos/{owner}/{repo}',
  'GET /repos/{owner}/{repo}/installation',
  'GET /repos/{owner}/{repo}/contents/{path}',
  'PUT /repos/{owner}/{repo}/contents/{path}',
  'DELETE /repos/{owner}/{repo}/contents/{path}',
  'GET /repos/{owner}/{repo}/git/trees/{tree_sha}',
  'POST /repos/{owner}/{repo}/git/trees',
  'GET /repos/{owner}/{repo}/git/blobs/{file_sha}',
  'POST /repos/{owner}/{repo}/git/blobs',
  'GET /repos/{owner}/{repo}/git/commits/{commit_sha}',
  'POST /repos/{owner}/{repo}/git/commits',
  'GET /repos/{owner}/{repo}/git/ref/{ref}',
  'GET /repos/{owner}/{repo}/git/matching-refs/{ref}',
  'POST /repos/{owner}/{repo}/git/refs',
  'PATCH /repos/{owner}/{repo}/git/refs/{ref}',
  'DELETE /repos/{owner}/{repo}/git/refs/{ref}',
  'GET /repos/{owner}/{repo}/commits',
  'GET /repos/{owner}/{repo}/commits/{ref}',
  'GET /repos/{owner}/{repo}/commits/{ref}/check-runs',
  'GET /repos/{owner}/{repo}/commits/{ref}/check-suites',
  'GET /repos/{owner}/{repo}/commits/{commit_sha}/pulls',
  'GET /repos/{owner}/{repo}/commits/{commit_sha}/comments',
  'POST /repos/{owner}/{repo}/commits/{commit_sha}/comments',
  'GET /repos/{owner}/{repo}/compare/{basehead}',
  'GET /repos/{owner}/{repo}/issues',
  'POST /repos/{owner}/{repo}/issues',
  'GET /repos/{owner}/{repo}/issues/{issue_number}',
  'PATCH /repos/{owner}/{repo}/issues/{issue_number}',
  'GET /repos/{owner}/{repo}/issues/{issue_number}/comments',
  'POST /repos/{owner}/{repo}/issues/{issue_number}/comments',
  'GET /repos/{owner}/{repo}/issues/comments',
  'GET /repos/{owner}/{repo}/issues/comments/{comment_id}',
  'PATCH /repos/{owner}/{repo}/issues/comments/{comment_id}',
  'DELETE /repos/{owner}/{repo}/issues/comments/{comment_id}',
  'GET /repos/{owner}/{repo}/issues/{issue_number}/reactions',
  'POST /repos/{owner}/{repo}/issues/{issue_number}/reactions',
  'GET /repos/{owner}/{repo}/issues/comments/{comment_id}/reactions',
  'POST /repos/{owner}/{repo}/issues/comments/{comment_id}/reactions',
  'GET /repos/{owner}/{repo}/pulls/comments/{comment_id}/reactions',
  'POST /repos/{owner}/{repo}/pulls/comments/{comment_id}/reactions',
  'GET /repos/{owner}/{repo}/pulls',
  'POST /repos/{owner}/{repo}/pulls',
  'GET /repos/{owner}/{repo}/pulls/{pull_number}',
  'PATCH /repos/{owner}/{repo}/pulls/{pull_number}',
  'PUT /repos/{owner}/{repo}/pulls/{pull_number}/merge',
  'GET /repos/{owner}/{repo}/pulls/{pull_number}/files',
  'GET /repos/{owner}/{repo}/pulls/{pull_number}/commits',
  'GET /repos/{owner}/{repo}/pulls/{pull_number}/reviews',
  'POST /repos/{owner}/{repo}/pulls/{pull_number}/reviews',
  'GET /repos/{owner}/{repo}/pulls/{pull_number}/comments',
  'GET /repos/{owner}/{repo}/pulls/comments',
  'GET /repos/{owner}/{repo}/pulls/comments/{comment_id}',
  'POST /repos/{owner}/{repo}/pulls/{pull_number}/comments',
  'POST /repos/{owner}/{repo}/pulls/{pull_number}/comments/{comment_id}/replies',
  'GET /repos/{owner}/{repo}/collaborators/{username}/permission',
  'POST /repos/{owner}/{repo}/check-runs',
  'GET /repos/{owner}/{repo}/check-runs/{check_run_id}',
  'PATCH /repos/{owner}/{repo}/check-runs/{check_run_id}',
  'GET /repos/{owner}/{repo}/check-runs/{check_run_id}/annotations',
  'GET /repos/{owner}/{repo}/check-suites/{check_suite_id}',
  'GET /repos/{owner}/{repo}/check-suites/{check_suite_id}/check-runs',
  'GET /repos/{owner}/{repo}/branches/{branch}',
  'GET /repos/{owner}/{repo}/rules/branches/{branch}',
];

/** Schema keywords that say nothing about validity. */
const NOISE = new Set([
  'description',
  'title',
  'example',
  'examples',
  'default',
  'format',
  'deprecated',
  'readOnly',
]);

type Json = Record<string, unknown>;

function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function at(value: unknown, ...path: string[]): unknown {
  return path.reduce<unknown>((found, key) => (isJson(found) ? found[key] : undefined), value);
}

/** A schema without prose; keys of `properties` are names, so they are kept whatever they are called. */
function trim(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(trim);
  if (!isJson(schema)) return schema;
  const out: Json = {};
  for (const [key, value] of Object.entries(schema)) {
    if (NOISE.has(key) || key.startsWith('x-')) continue;
    out[key] =
      key === 'properties' && isJson(value)
        ? Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, trim(inner)]))
        : trim(value);
  }
  return out;
}

function describe(operation: Json): Json {
  const parameters = Array.isArray(operation.parameters) ? operation.parameters.filter(isJson) : [];
  const names = (where: string) => parameters.filter((one) => one.in === where).map((one) => one.name);
  const body = at(operation, 'requestBody', 'content', 'application/json', 'schema');
  return {
    path: names('path'),
    query: names('query'),
    success: Object.keys(isJson(operation.responses) ? operation.responses : {})
      .map(Number)
      .filter((status) => status >= 200 && status < 400),
    enabledForGitHubApps: at(operation, 'x-github', 'enabledForGitHubApps') === true,
    ...(body === undefined
      ? {}
      : { bodyRequired: at(operation, 'requestBody', 'required') === true, body: trim(body) }),
  };
}

const folder = mkdtempSync(join(tmpdir(), 'openapi-'));
try {
  execFileSync('npm', ['pack', '@octokit/openapi', '--silent', '--pack-destination', folder], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const [tarball = ''] = readdirSync(folder);
  const inside = 'package/generated/api.github.com.deref.json';
  execFileSync('tar', ['xzf', join(folder, tarball), '-C', folder, inside]);
  const description: unknown = JSON.parse(readFileSync(join(folder, inside), 'utf8'));
  const routes = Object.fromEntries(
    ROUTES.map((route) => {
      const [method = '', template = ''] = route.split(' ');
      const operation = at(description, 'paths', template, method.toLowerCase());
      if (!isJson(operation)) throw new Error(`GitHub's description has no route ${route}`);
      return [route, describe(operation)];
    }),
  );
  const version = at(description, 'info', 'version');
  const lines = Object.entries(routes).map(
    ([route, said]) => `${JSON.stringify(route)}: ${JSON.stringify(said)}`,
  );
  const target = join(import.meta.dirname, '..', 'test', 'fixtures', 'github-openapi.json');
  writeFileSync(
    target,
    `{"source": "@octokit/openapi ${version}, api.github.com", "routes": {\n${lines.join(',\n')}\n}}\n`,
  );
  console.log(`${lines.length} routes of @octokit/openapi ${version} written to ${target}`);
} finally {
  rmSync(folder, { recursive: true });
}
