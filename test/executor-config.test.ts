import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConfigError, parseRunnerConfig } from '../src/config.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'executor-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const base = {
  GURUGURU_URL: 'http://localhost:3000',
  GURUGURU_RUNNER_TOKEN: 'ggr_x',
  GURUGURU_WORKDIR_ROOTS: '/workspace',
};
function written(text: string): string {
  const path = join(folder, 'pods.yaml');
  writeFileSync(path, text);
  return path;
}
function problems(env: Record<string, string>): string[] {
  try {
    parseRunnerConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

describe('the executor of a runner', () => {
  it('is the shell by default', () => {
    expect(parseRunnerConfig(base).kubernetes).toBeNull();
  });

  it('is a cluster with a file that says what pods are made of', () => {
    const file = written('namespace: jobs\nimage: image:1\nresources:\n  limits: { memory: 512Mi }\n');
    const config = parseRunnerConfig({
      ...base,
      GURUGURU_EXECUTOR: 'kubernetes',
      GURUGURU_KUBERNETES_CONFIG: file,
    });
    expect(config.kubernetes).toMatchObject({
      namespace: 'jobs',
      image: 'image:1',
      resources: { requests: {}, limits: { memory: '512Mi' } },
      run_as_user: 10001,
    });
  });

  it('tells mistakes of the file together with those of other settings', () => {
    const file = written('namespace: jobs\ncolour: red\n');
    const found = problems({
      GURUGURU_URL: 'nonsense',
      GURUGURU_EXECUTOR: 'kubernetes',
      GURUGURU_KUBERNETES_CONFIG: file,
      GURUGURU_SANDBOX: 'bwrap',
    });
    for (const word of [
      'GURUGURU_URL',
      'GURUGURU_RUNNER_TOKEN',
      'image: is missing',
      'colour',
      'GURUGURU_SANDBOX',
    ])
      expect(found.join('\n')).toContain(word);
  });

  it.each([
    ['an executor there is not', { GURUGURU_EXECUTOR: 'docker' }, 'shell, kubernetes'],
    ['no file', { GURUGURU_EXECUTOR: 'kubernetes' }, 'docs/kubernetes.md'],
    [
      'a file that is not there',
      { GURUGURU_EXECUTOR: 'kubernetes', GURUGURU_KUBERNETES_CONFIG: '/nowhere/pods.yaml' },
      '/nowhere/pods.yaml',
    ],
    ['a file for the shell', { GURUGURU_KUBERNETES_CONFIG: 'pods.yaml' }, '--executor'],
  ])('refuses %s', (_name, env, words) => {
    expect(problems({ ...base, ...env }).join('\n')).toContain(words);
  });
});
