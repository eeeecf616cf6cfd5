import type { AppSeed, RepositorySeed, UserSeed } from './types.ts';

/** What `octo/hello` holds unless a test says otherwise. */
const SEED_FILES: Record<string, string> = {
  'README.md': '# hello\n\nA small service used to try the loop.\n',
  'STATE.md':
    '# State\n\n- P1: the smoke test passes on the devbox.\n- P2: the cluster stays under budget.\n',
  'docs/overview.md': '# Overview\n\n`/workspace/hello` is the checkout on the devbox.\n',
  '.github/guruguru.yml': 'context:\n  files:\n    - STATE.md\n    - docs/**\n',
};

export const DEFAULT_USERS: UserSeed[] = [
  { login: 'octo', permission: 'admin' },
  { login: 'writer', permission: 'write' },
  { login: 'writer2', permission: 'write' },
  { login: 'reader', permission: 'read' },
  { login: 'stranger', permission: 'none' },
];

/** Everybody GitHub tells apart, beside the default users, the app itself and its owner. */
export const OTHER_ACTORS: UserSeed[] = [
  { login: 'triager', permission: 'read', role: 'triage' },
  { login: 'maintainer', permission: 'write', role: 'maintain' },
  // Organizations' own roles: GitHub names them in `role_name` only.
  { login: 'custom-reader', permission: 'read', role: 'security-reviewer' },
  { login: 'custom-writer', permission: 'write', role: 'release-captain' },
  // Both may write: what keeps them out must be that they are no persons.
  { login: 'ci[bot]', permission: 'write' },
  { login: 'github-actions[bot]', permission: 'write' },
  { login: 'deploy-key', permission: 'write' },
];

export const DEFAULT_REPOSITORIES: RepositorySeed[] = [{ fullName: 'octo/hello', files: SEED_FILES }];

export const DEFAULT_APP: AppSeed = {
  id: 4242,
  slug: 'guruguru-test',
  name: 'guruguru test',
  clientId: 'Iv23guruguru',
  webhookSecret: 'emulated-webhook-secret',
  installationId: 77,
  permissions: {
    checks: 'write',
    contents: 'write',
    issues: 'write',
    metadata: 'read',
    pull_requests: 'write',
  },
  events: [
    'check_run',
    'check_suite',
    'commit_comment',
    'issue_comment',
    'issues',
    'merge_group',
    'pull_request',
    'pull_request_review',
    'pull_request_review_comment',
    'push',
    'repository',
  ],
};

export function tokenOf(user: UserSeed): string {
  return user.token ?? `token-${user.login}`;
}
