import { describe, expect, it } from 'vitest';
import { knownSecrets } from '../../src/runner/known-secrets.ts';

describe('knownSecrets', () => {
  it.each([
    'GURUGURU_RUNNER_TOKEN',
    'GURUGURU_VERIFY_TOKEN',
    'DB_PASSWORD',
    'AWS_SECRET_ACCESS_KEY',
    'OPENAI_API_KEY',
    'NPM_AUTH',
    'github_pat',
    'DATABASE_URL',
    'SESSION_SECRET',
  ])('takes the value of %s', (name) => {
    expect(knownSecrets({ [name]: 'hunter2-x9' })).toEqual(['hunter2-x9']);
  });

  it.each([
    ['PATH', '/usr/bin:/bin/x1'],
    ['PWD', '/workspace/hello1'],
    ['SSH_AUTH_SOCK', '/tmp/ssh-1/agent.1'],
    ['GOOGLE_APPLICATION_CREDENTIALS', '/etc/keys/key1.json'],
    ['VAULT_TOKEN_FILE', 'relative1.txt'],
    ['AUTH_METHOD', 'kubernetes1'],
    ['TOKEN', 'password'],
    ['TOKEN', '12345678'],
    ['TOKEN', 'short1'],
    ['KEYBOARD', 'something1'],
    ['HOME', '/home/runner1'],
  ])('leaves %s=%s', (name, value) => {
    expect(knownSecrets({ [name]: value })).toEqual([]);
  });
});
