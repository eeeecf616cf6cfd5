import { describe, expect, it } from 'vitest';
import { defaultLabels, probeCapabilities } from '../../src/runner/capabilities.ts';

describe('probeCapabilities', () => {
  it('names the system and the programs on PATH', () => {
    const has = (file: string) => ['/opt/bin/kubectl', '/bin/bash', '/bin/unheard-of'].includes(file);
    expect(probeCapabilities('/opt/bin::/bin', 'darwin', has)).toEqual(['macos', 'bash', 'kubectl']);
  });
  it('finds what is here', () => {
    expect(probeCapabilities(process.env.PATH ?? '')).toEqual(expect.arrayContaining(['bash', 'git']));
  });
  it('counts no directory as a program', () => {
    expect(probeCapabilities('/none')).toHaveLength(1);
  });
});

it('labels a runner by system and name', () => {
  expect(defaultLabels('box', 'linux')).toEqual(['linux', 'box']);
  expect(defaultLabels('macos', 'darwin')).toEqual(['macos']);
});
