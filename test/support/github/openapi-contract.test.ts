import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createClient } from './client.ts';
import { checkRequest, contractRoutes } from './openapi-contract.ts';
import { knowsRoute } from './proxy.ts';
import { type GitHubServer, startGitHub } from './start-github.ts';
import type { RecordedRequest } from './types.ts';

function request(method: string, template: string, rest: Partial<RecordedRequest> = {}): RecordedRequest {
  return {
    ...{ at: 0, method, template, path: template, params: {}, query: {}, status: 200, durationMs: 1 },
    ...{ kind: 'write', actor: 'installation' },
    ...rest,
  };
}

const COMMENTS = '/repos/{owner}/{repo}/issues/{issue_number}/comments';
const RUNS = '/repos/{owner}/{repo}/check-runs';

describe('the published contract', () => {
  it('passes what GitHub describes', () => {
    expect(checkRequest(request('POST', COMMENTS, { body: { body: 'hi' } }))).toEqual([]);
    const query = { since: '2026-01-01T00:00:00Z', per_page: '100', page: '2' };
    expect(checkRequest(request('GET', COMMENTS, { query }))).toEqual([]);
    expect(checkRequest(request('POST', '/graphql', { body: { query: '{}' } }))).toEqual([]);
  });

  it.each([
    ['an unknown route', request('GET', '/repos/{owner}/{repo}/nothing'), 'no such route'],
    [
      'an unknown query parameter',
      request('GET', COMMENTS, { query: { sort: 'x' } }),
      'query parameter "sort"',
    ],
    ['a missing body', request('POST', COMMENTS), "must have required property 'body'"],
    ['a wrong type', request('POST', COMMENTS, { body: { body: 1 } }), 'body/body must be string'],
    ['a misspelt field', request('POST', COMMENTS, { body: { body: 'x', boddy: 'y' } }), '"boddy"'],
    [
      'a value outside the enumeration',
      request('PUT', '/repos/{owner}/{repo}/pulls/{pull_number}/merge', {
        body: { merge_method: 'octopus' },
      }),
      'must be equal to one of the allowed values',
    ],
    ['a body where none is taken', request('GET', '/app', { body: { a: 1 } }), 'takes no body'],
    [
      'a route for JWTs only, asked with an installation token',
      request('GET', '/app/hook/deliveries'),
      'not enabled for GitHub Apps',
    ],
    [
      'too many annotations',
      request('POST', RUNS, {
        body: {
          name: 'n',
          head_sha: 's',
          output: {
            title: 't',
            summary: 's',
            annotations: Array(51).fill({
              path: 'p',
              start_line: 1,
              end_line: 1,
              annotation_level: 'notice',
              message: 'm',
            }),
          },
        },
      }),
      'must NOT have more than 50 items',
    ],
  ])('finds %s', (_name, asked, message) => {
    expect(checkRequest(asked).join('\n')).toContain(message);
  });

  it('has no route the proxy cannot name', () => {
    expect(contractRoutes().filter((route) => !knowsRoute(route))).toEqual([]);
  });

  describe('kept by the proxy', () => {
    let github: GitHubServer;
    beforeAll(async () => {
      github = await startGitHub();
    });
    afterAll(() => github.close());

    it('notes what the app sends, and leaves people alone', async () => {
      const app = createClient(github.url, await github.installationToken());
      const issue = await github.as('writer').openIssue({ title: 'contract' });
      await app.one('POST', `/repos/octo/hello/issues/${issue}/comments`, { body: 'fine' });
      await github.as('writer').client.raw('GET', '/repos/octo/hello/issues?colour=red');
      expect(github.contractViolations).toEqual([]);
      await app.raw('GET', '/repos/octo/hello/issues?colour=red');
      expect(github.contractViolations).toEqual([
        'GET /repos/octo/hello/issues?colour=red: unknown query parameter "colour"',
      ]);
    });
  });
});
