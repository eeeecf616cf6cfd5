import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Programs whose presence on PATH is a capability a job can ask for with `requires`. */
export const PROBED = [
  'bash',
  'git',
  'gh',
  'make',
  'node',
  'npm',
  'python3',
  'pytest',
  'go',
  'cargo',
  'java',
  'ruby',
  'docker',
  'podman',
  'kubectl',
  'helm',
  'terraform',
  'gcloud',
  'aws',
  'az',
  'jq',
] as const;

const SYSTEMS: Partial<Record<NodeJS.Platform, string>> = {
  linux: 'linux',
  darwin: 'macos',
  win32: 'windows',
};

/** The operating system's name and the programs found on `path`: what this runner has proved. */
export function probeCapabilities(
  path: string,
  platform: NodeJS.Platform = process.platform,
  isProgram: (file: string) => boolean = isExecutable,
): string[] {
  const folders = path.split(delimiter).filter((folder) => folder !== '');
  const found = PROBED.filter((program) => folders.some((folder) => isProgram(join(folder, program))));
  return [systemName(platform), ...found];
}

/** A runner without labels of its own answers to its system and its name. */
export function defaultLabels(name: string, platform: NodeJS.Platform = process.platform): string[] {
  return [...new Set([systemName(platform), name])];
}

function systemName(platform: NodeJS.Platform): string {
  return SYSTEMS[platform] ?? platform;
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
