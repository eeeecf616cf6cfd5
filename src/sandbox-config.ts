import { isAbsolute } from 'node:path';
import { z } from 'zod';
import { SANDBOXES, type Sandbox } from './runner/sandbox/sandbox.ts';

export type SandboxConfig = Pick<Sandbox, 'kind' | 'read' | 'network'>;

/** What stands between commas. */
export function listed(text: string): string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter(Boolean);
}

/** `key=value; key=value` in TOML, which has no semicolon but in texts. */
export const codexConfig = z
  .string()
  .default('')
  .transform((text) =>
    text
      .split(';')
      .map((part) => part.trim())
      .filter(Boolean),
  )
  .refine(
    (settings) => settings.every((setting) => /^[A-Za-z0-9_."-]+\s*=/.test(setting)),
    'must be key=value, separated by semicolons, as `codex --config` takes them',
  );

/** The runner's variables on the sandbox. */
export const sandboxEnvironment = {
  GURUGURU_SANDBOX: z.enum(SANDBOXES, { error: `must be one of ${SANDBOXES.join(', ')}` }).default('none'),
  GURUGURU_SANDBOX_READ: z
    .string()
    .default('')
    .transform(listed)
    .refine((paths) => paths.every((path) => isAbsolute(path)), 'must be absolute paths, comma-separated'),
  GURUGURU_SANDBOX_NETWORK: z.enum(['on', 'off'], { error: 'must be on or off' }).default('on'),
};

/** A setting of a sandbox that is not there is a mistake: somebody relies on it. @throws Problem */
export function sandboxOf(
  env: {
    GURUGURU_SANDBOX: Sandbox['kind'];
    GURUGURU_SANDBOX_READ: string[];
    GURUGURU_SANDBOX_NETWORK: Sandbox['network'];
  },
  Problem: new (problems: string[]) => Error,
): SandboxConfig {
  const { GURUGURU_SANDBOX: kind, GURUGURU_SANDBOX_READ: read, GURUGURU_SANDBOX_NETWORK: network } = env;
  const without = 'needs a sandbox: set GURUGURU_SANDBOX (--sandbox) to bwrap or sandbox-exec';
  if (kind === 'none' && network === 'off') throw new Problem([`GURUGURU_SANDBOX_NETWORK: ${without}`]);
  if (kind === 'none' && read.length > 0) throw new Problem([`GURUGURU_SANDBOX_READ: ${without}`]);
  return { kind, read, network };
}
