import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Octokit } from '@octokit/core';
import { restEndpointMethods } from '@octokit/plugin-rest-endpoint-methods';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { EVENTS } from '../src/loop.ts';

const ROOT = join(import.meta.dirname, '..');

interface Manifest {
  default_permissions: Record<string, 'read' | 'write'>;
  default_events: string[];
  public: boolean;
}
const manifest = parse(readFileSync(join(ROOT, 'app.yml'), 'utf8')) as Manifest;
const openapi = JSON.parse(readFileSync(join(ROOT, 'test/fixtures/github-openapi.json'), 'utf8')) as {
  routes: Record<string, { enabledForGitHubApps: boolean }>;
};

/**
 * What each request needs; alternatives stand side by side. The OpenAPI description does not say it, so
 * this is GitHub's page: https://docs.github.com/rest/authentication/permissions-required-for-github-apps
 */
const NEEDS: Record<string, string[]> = {
  'GET /repos/{owner}/{repo}': ['metadata:read'],
  'GET /repos/{owner}/{repo}/collaborators/{username}/permission': ['metadata:read'],
  'GET /orgs/{org}/teams/{team_slug}/memberships/{username}': ['members:read'],
  'GET /repos/{owner}/{repo}/contents/{path}': ['contents:read'],
  'GET /repos/{owner}/{repo}/git/trees/{tree_sha}': ['contents:read'],
  'POST /repos/{owner}/{repo}/git/trees': ['contents:write'],
  'GET /repos/{owner}/{repo}/git/blobs/{file_sha}': ['contents:read'],
  'POST /repos/{owner}/{repo}/git/blobs': ['contents:write'],
  'GET /repos/{owner}/{repo}/git/commits/{commit_sha}': ['contents:read'],
  'POST /repos/{owner}/{repo}/git/commits': ['contents:write'],
  'GET /repos/{owner}/{repo}/git/ref/{ref}': ['contents:read'],
  'GET /repos/{owner}/{repo}/git/matching-refs/{ref}': ['contents:read'],
  'POST /repos/{owner}/{repo}/git/refs': ['contents:write'],
  'PATCH /repos/{owner}/{repo}/git/refs/{ref}': ['contents:write'],
  'DELETE /repos/{owner}/{repo}/git/refs/{ref}': ['contents:write'],
  'GET /installation/repositories': ['metadata:read'],
  'GET /repos/{owner}/{repo}/commits': ['contents:read'],
  'GET /repos/{owner}/{repo}/commits/{commit_sha}/pulls': ['pull_requests:read'],
  'GET /repos/{owner}/{repo}/issues/comments/{comment_id}': ['issues:read', 'pull_requests:read'],
  'GET /repos/{owner}/{repo}/issues/comments/{comment_id}/reactions': ['issues:read', 'pull_requests:read'],
  'GET /repos/{owner}/{repo}/issues/{issue_number}/reactions': ['issues:read', 'pull_requests:read'],
  'GET /repos/{owner}/{repo}/pulls/comments/{comment_id}/reactions': ['pull_requests:read'],
  'GET /repos/{owner}/{repo}/compare/{basehead}': ['contents:read'],
  'GET /repos/{owner}/{repo}/branches/{branch}': ['contents:read'],
  'GET /repos/{owner}/{repo}/commits/{commit_sha}/comments': ['contents:read'],
  'POST /repos/{owner}/{repo}/commits/{commit_sha}/comments': ['contents:write'],
  'GET /repos/{owner}/{repo}/issues': ['issues:read'],
  'GET /repos/{owner}/{repo}/issues/{issue_number}': ['issues:read', 'pull_requests:read'],
  'GET /repos/{owner}/{repo}/issues/comments': ['issues:read', 'pull_requests:read'],
  'GET /repos/{owner}/{repo}/issues/{issue_number}/comments': ['issues:read', 'pull_requests:read'],
  'POST /repos/{owner}/{repo}/issues/{issue_number}/comments': ['issues:write', 'pull_requests:write'],
  'POST /repos/{owner}/{repo}/issues': ['issues:write'],
  'PATCH /repos/{owner}/{repo}/issues/{issue_number}': ['issues:write'],
  'PATCH /repos/{owner}/{repo}/issues/comments/{comment_id}': ['issues:write', 'pull_requests:write'],
  'POST /repos/{owner}/{repo}/issues/{issue_number}/reactions': ['issues:write'],
  'POST /repos/{owner}/{repo}/issues/comments/{comment_id}/reactions': ['issues:write'],
  'POST /repos/{owner}/{repo}/pulls/comments/{comment_id}/reactions': ['pull_requests:write'],
  'GET /repos/{owner}/{repo}/pulls': ['pull_requests:read'],
  'POST /repos/{owner}/{repo}/pulls': ['pull_requests:write'],
  'GET /repos/{owner}/{repo}/pulls/{pull_number}': ['pull_requests:read'],
  'PATCH /repos/{owner}/{repo}/pulls/{pull_number}': ['pull_requests:write'],
  'PUT /repos/{owner}/{repo}/pulls/{pull_number}/merge': ['contents:write'],
  'GET /repos/{owner}/{repo}/pulls/{pull_number}/files': ['pull_requests:read'],
  'GET /repos/{owner}/{repo}/pulls/{pull_number}/reviews': ['pull_requests:read'],
  'GET /repos/{owner}/{repo}/pulls/comments': ['pull_requests:read'],
  'GET /repos/{owner}/{repo}/pulls/comments/{comment_id}': ['pull_requests:read'],
  'GET /repos/{owner}/{repo}/commits/{ref}/check-runs': ['checks:read'],
  'POST /repos/{owner}/{repo}/check-runs': ['checks:write'],
  'GET /repos/{owner}/{repo}/check-runs/{check_run_id}': ['checks:read'],
  'PATCH /repos/{owner}/{repo}/check-runs/{check_run_id}': ['checks:write'],
};

/** Asked with the app's JWT, which needs no permission. */
const AS_THE_APP = [
  'GET /app',
  'GET /app/hook/deliveries',
  'GET /app/installations',
  'GET /rate_limit',
  'GET /repos/{owner}/{repo}/installation',
];

/**
 * Sent to every App, subscribed or not, and refused in `default_events`.
 * https://docs.github.com/webhooks/webhook-events-and-payloads#installation
 */
const ALWAYS_SENT = ['installation', 'installation_repositories'];

/** The permission that subscribing to an event takes; the same page, "Availability for GitHub Apps". */
const EVENT_NEEDS: Record<string, string> = {
  check_run: 'checks:read',
  check_suite: 'checks:read',
  issue_comment: 'issues:read',
  issues: 'issues:read',
  merge_group: 'merge_queues:read',
  pull_request: 'pull_requests:read',
  pull_request_review: 'pull_requests:read',
  pull_request_review_comment: 'pull_requests:read',
  push: 'contents:read',
  repository: 'metadata:read',
};

/** Every `rest.<group>.<method>` in src, as a route of the OpenAPI description. */
function routesInUse(): string[] {
  const { rest } = new (Octokit.plugin(restEndpointMethods))();
  const methods = rest as unknown as Record<
    string,
    Record<string, { endpoint: { DEFAULTS: { method: string; url: string } } }>
  >;
  const found = new Set<string>();
  for (const file of readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.ts')) continue;
    const text = readFileSync(join(ROOT, 'src', file), 'utf8');
    for (const [call, group = '', method = ''] of text.matchAll(/\brest\.(\w+)\.(\w+)/g)) {
      const defaults = methods[group]?.[method]?.endpoint.DEFAULTS;
      if (!defaults) throw new Error(`${file}: ${call} is no method of Octokit`);
      found.add(`${defaults.method} ${defaults.url}`);
    }
  }
  return [...found].sort();
}

const granted = (need: string) => {
  const [name = '', level] = need.split(':');
  const has = manifest.default_permissions[name];
  return has === level || (has === 'write' && level === 'read');
};

describe('app.yml', () => {
  const routes = routesInUse();

  it('asks for the permissions that our requests need', () => {
    expect(routes.length).toBeGreaterThan(35);
    expect(routes.filter((route) => !NEEDS[route] && !AS_THE_APP.includes(route))).toEqual([]);
    expect(routes.filter((route) => NEEDS[route] && !NEEDS[route].some(granted))).toEqual([]);
  });

  it('asks for no permission that neither a request nor an event needs', () => {
    const needed = [...routes.flatMap((route) => NEEDS[route] ?? []), ...Object.values(EVENT_NEEDS)];
    for (const [name, level] of Object.entries(manifest.default_permissions)) {
      expect(needed, `${name}: ${level}`).toContain(`${name}:${level}`);
    }
  });

  it('uses only routes that GitHub describes and opens to Apps', () => {
    expect(routes.filter((route) => !openapi.routes[route])).toEqual([]);
    const closed = routes.filter((route) => !openapi.routes[route]?.enabledForGitHubApps);
    expect(closed.filter((route) => !AS_THE_APP.includes(route))).toEqual([]);
  });

  it('subscribes to the events of the loop', () => {
    const handled = new Set(Object.keys(EVENTS).map((name) => name.split('.')[0] ?? ''));
    expect(manifest.default_events).toEqual(
      [...handled].filter((name) => !ALWAYS_SENT.includes(name)).sort(),
    );
    expect(manifest.default_events.filter((event) => !granted(EVENT_NEEDS[event] ?? 'none'))).toEqual([]);
  });
});
