import { expect, it, onTestFinished, vi } from 'vitest';
import {
  auditCommand,
  tokenCreateCommand,
  tokenListCommand,
  tokenRevokeCommand,
} from '../../src/cli/token-command.ts';
import { ConfigError } from '../../src/config.ts';
import { tempDir } from '../support/store.ts';

/** What a command prints to stdout. */
function commands() {
  const environment = { GURUGURU_DATA_DIR: tempDir() };
  let printed = '';
  vi.spyOn(console, 'log').mockImplementation((line: string) => {
    printed += `${line}\n`;
  });
  vi.spyOn(console, 'error').mockImplementation(() => {});
  onTestFinished(() => void vi.restoreAllMocks());
  const out = async (run: Promise<void>) => {
    printed = '';
    await run;
    return printed;
  };
  return {
    create: (name: string, repository: string) => out(tokenCreateCommand(environment, name, [repository])),
    list: () => out(tokenListCommand(environment)),
    revoke: (nameOrId: string) => out(tokenRevokeCommand(environment, nameOrId)),
    audit: (limit: number) => out(auditCommand(environment, limit)),
  };
}

const refused = (run: Promise<unknown>) =>
  run.then(
    () => 'done',
    (error: unknown) => (error instanceof ConfigError ? (error.problems[0] ?? '') : String(error)),
  );

it('lists tokens without the token, takes one back by name or id, and tells it in the audit', async () => {
  const { create, list, revoke, audit } = commands();
  expect(await list()).toBe('');
  const token = (await create('devbox', 'octo/hello')).trim();
  await create('twin', 'octo/hello');
  await create('twin', 'octo/other');
  const listed = await list();
  expect(listed).toMatch(/^ID +NAME +REPOSITORIES +CREATED +LAST USED +STATE\n/);
  expect(listed).toMatch(/\n\w{8} +devbox +octo\/hello +\d{4}-\d\d-\d\d \d\d:\d\d +- +valid\n/);
  expect(listed).not.toContain(token);

  expect(await revoke('devbox')).toMatch(/^Revoked devbox \(\w{8}\)\./);
  expect(await refused(revoke('devbox'))).toContain('is revoked already');
  expect(await refused(revoke('nobody'))).toContain('token list shows them');
  const twins = await refused(revoke('twin'));
  expect(twins).toMatch(/several.*: \w{8}, \w{8}$/);
  await revoke(twins.slice(-8));
  expect((await list()).match(/revoked/g)).toHaveLength(2);

  const told = (await audit(3))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { what: string });
  expect(told.map(({ what }) => what)).toEqual(['token_revoked', 'token_revoked', 'token_created']);
  expect(await audit(100)).not.toContain(token);
});
