import examples from '@octokit/webhooks-examples';
import { describe, expect, it } from 'vitest';
import { repositoryFact } from '../../src/loop/due.ts';
import { dueOf, EVENTS } from '../../src/loop.ts';

const NOW = Date.parse('2026-11-22T00:00:00Z');

interface Example {
  action?: string;
  [field: string]: unknown;
}

const payloads = (examples as unknown as { name: string; examples: Example[] }[]).flatMap(
  ({ name, examples: list }) =>
    list.map((payload) => ({ name, payload, event: payload.action ? `${name}.${payload.action}` : name })),
);

/** Paths into a payload and what stands there instead, e.g. `{ 'comment.body': '/ask x' }`. */
type Changes = Record<string, unknown>;

/** The first real payload of an event, with some fields changed. */
function payload(event: string, changes: Changes = {}): unknown {
  const found = payloads.find((example) => example.event === event);
  if (!found) throw new Error(`there is no example of ${event}`);
  const copy = structuredClone(found.payload);
  for (const [path, value] of Object.entries(changes)) {
    const fields = path.split('.');
    const last = fields.pop() ?? '';
    let place: Record<string, unknown> = copy;
    for (const field of fields) place = place[field] as Record<string, unknown>;
    place[last] = value;
  }
  return copy;
}

const due = (event: string, changes?: Changes) =>
  dueOf(event.split('.')[0] ?? '', payload(event, changes), NOW);

describe("GitHub's real payloads", () => {
  it('are all taken without an error, known or not', () => {
    expect(payloads.length).toBeGreaterThan(300);
    for (const { name, payload: example } of payloads) {
      dueOf(name, example, NOW);
      repositoryFact(name, example);
    }
  });

  it('give no plain comment anything to do', () => {
    for (const event of ['issue_comment.created', 'pull_request_review_comment.created', 'issues.opened']) {
      expect(due(event)).toEqual([]);
    }
  });

  it.each(Object.keys(EVENTS).filter((event) => payloads.some((example) => example.event === event)))(
    '%s is read',
    (event) => {
      expect(Array.isArray(due(event))).toBe(true);
    },
  );
});

describe('a comment', () => {
  const say = (body: string, type = 'User'): Changes => ({ 'comment.body': body, 'comment.user.type': type });

  it('that opens with a slash word is kept as an ask', () => {
    const [heard] = due('issue_comment.created', say('/ask run it'));
    expect(heard).toMatchObject({
      kind: 'ask',
      row: {
        key: 'ask:186853002:c492700400',
        thread: 1,
        on_pull: 0,
        login: 'Codertocat',
        text: '/ask run it',
        edited: 0,
        state: 'received',
      },
    });
  });

  it('of a review is kept under its own id space', () => {
    const [heard] = due('pull_request_review_comment.created', say('/ask run it'));
    expect(heard).toMatchObject({
      kind: 'ask',
      row: { key: 'ask:186853002:r284312630', on_pull: 1, thread: 2 },
    });
  });

  it('with a fixed command is a command', () => {
    const [heard] = due('issue_comment.created', say('/cancel 2026-11-22-001'));
    expect(heard).toMatchObject({
      kind: 'command',
      row: { key: 'command:186853002:c492700400', name: 'cancel', args: '2026-11-22-001' },
    });
  });

  it('by a bot is kept as an ask, for the policy to judge, and as no command', () => {
    expect(due('issue_comment.created', say('/ask run it', 'Bot'))).toMatchObject([
      { kind: 'ask', row: { data: expect.stringContaining('"bot":true') } },
    ]);
    expect(due('issue_comment.created', say('/approve', 'Bot'))).toEqual([]);
  });

  it('edited to add the command is told that edits are not read', () => {
    const edited = { ...say('/ask run it'), changes: { body: { from: 'run it' } } };
    expect(due('issue_comment.edited', edited)).toMatchObject([{ kind: 'ask', row: { edited: 1 } }]);
  });

  it('edited while it already was an ask does nothing', () => {
    const edited = { ...say('/ask run it'), changes: { body: { from: '/ask run' } } };
    expect(due('issue_comment.edited', edited)).toEqual([]);
  });

  it('on a PR knows that it is on one', () => {
    const onPull = {
      ...say('/ask x'),
      'issue.pull_request': { url: 'https://api.github.com/repos/o/r/pulls/1' },
    };
    expect(due('issue_comment.created', onPull)).toMatchObject([{ row: { on_pull: 1 } }]);
  });
});

describe('other events', () => {
  it('a new issue can be an ask, named by its number', () => {
    const [heard] = due('issues.opened', { 'issue.body': '/ask run it' });
    expect(heard).toMatchObject({ kind: 'ask', row: { key: 'ask:186853002:i1', source: 'i' } });
  });

  it.each(['opened', 'reopened', 'synchronize', 'closed', 'ready_for_review'])(
    'pull_request.%s looks at the PR',
    (action) => {
      expect(due(`pull_request.${action}`)).toContainEqual(
        expect.objectContaining({ kind: 'work', key: expect.stringMatching(/^pr:\d+:\d+$/) }),
      );
    },
  );

  it('a push that touches the settings makes them read again', () => {
    const push = (path: string) => ({
      ref: 'refs/heads/master',
      'repository.default_branch': 'master',
      commits: [{ added: [], modified: [path], removed: [] }],
    });
    expect(due('push', push('.github/guruguru.yml'))).toEqual([
      { kind: 'settings_changed', repoId: 186853002 },
    ]);
    expect(due('push', push('README.md'))).toEqual([]);
  });

  it('a renamed repository is remembered with its old name', () => {
    const renamed = due('repository.renamed', { changes: { repository: { name: { from: 'Old-Name' } } } });
    expect(renamed).toEqual([{ kind: 'work', key: expect.stringMatching(/^repo:\d+:[\w-]+\/Old-Name$/) }]);
  });

  it('a suspended installation stops, and goes on when it is lifted', () => {
    expect(due('installation.suspend')).toMatchObject([{ kind: 'installation', state: 'suspended' }]);
    expect(due('installation.unsuspend')).toMatchObject([{ kind: 'installation', state: 'active' }]);
  });

  it('a repository is known by its id', () => {
    expect(
      repositoryFact('issue_comment', payload('issue_comment.created', { installation: { id: 7 } })),
    ).toEqual({
      id: 186853002,
      owner: 'Codertocat',
      name: 'Hello-World',
      installation_id: 7,
      default_branch: 'master',
      state: 'active',
    });
  });
});
