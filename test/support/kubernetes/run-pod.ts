import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { V1Container, V1PodSpec } from '@kubernetes/client-node';

export interface RunningPod {
  log: () => Buffer;
  /** Called with new log bytes; returns how to stop. */
  follow: (take: (bytes: Buffer) => void) => () => void;
  ended: Promise<{ exitCode: number; signal: string | null }>;
  signal: (name: NodeJS.Signals) => void;
}

/**
 * A container as the kubelet runs it, as a process of this machine: its command, its environment (with values of
 * Secrets), its volumes as folders. Paths below a mount become paths below its folder, in the environment only:
 * a file system of its own it does not have.
 */
export function runPod(options: {
  spec: V1PodSpec;
  directory: string;
  secrets: Record<string, Record<string, string>>;
  claims: Record<string, string>;
  /** Of the node: PATH. */
  path: string;
  /** More variables, such as what a service account gives to kubectl. */
  extra: Record<string, string>;
}): RunningPod {
  const container = options.spec.containers[0];
  const [command, ...args] = container?.command ?? [];
  if (container === undefined || command === undefined) throw new Error('the pod has no command');
  const values = environment(container, options.secrets);
  const mounts = (container.volumeMounts ?? []).map((mount) => ({
    path: mount.mountPath,
    folder: folderOf(mount.name, options),
  }));
  const child: ChildProcess = spawn(
    command,
    args.map((text) => expand(text, values)),
    {
      cwd: options.directory,
      env: { PATH: options.path, ...mapped(values, mounts), ...options.extra },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    },
  );
  let log = Buffer.alloc(0);
  const followers = new Set<(bytes: Buffer) => void>();
  const take = (bytes: Buffer) => {
    log = Buffer.concat([log, bytes]);
    for (const follower of followers) follower(bytes);
  };
  child.stdout?.on('data', take);
  child.stderr?.on('data', take);
  const ended = new Promise<{ exitCode: number; signal: string | null }>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ exitCode: code ?? 137, signal }));
  });
  return {
    log: () => log,
    follow(follower) {
      followers.add(follower);
      return () => followers.delete(follower);
    },
    ended,
    signal: (name) => {
      if (child.exitCode === null && child.signalCode === null) child.kill(name);
    },
  };
}

function folderOf(
  volume: string,
  options: { spec: V1PodSpec; directory: string; claims: Record<string, string> },
): string {
  const found = options.spec.volumes?.find((one) => one.name === volume);
  const claim = found?.persistentVolumeClaim?.claimName;
  if (claim !== undefined) {
    const folder = options.claims[claim];
    if (folder === undefined) throw new Error(`there is no claim ${claim}`);
    return folder;
  }
  const folder = join(options.directory, volume);
  mkdirSync(folder, { recursive: true });
  return folder;
}

function environment(
  container: V1Container,
  secrets: Record<string, Record<string, string>>,
): Record<string, string> {
  const values: Record<string, string> = {};
  for (const { name, value, valueFrom } of container.env ?? []) {
    const secret = valueFrom?.secretKeyRef;
    const plain = secret ? secrets[secret.name ?? '']?.[secret.key] : expand(value ?? '', values);
    if (plain === undefined) throw new Error(`no value for ${name}`);
    values[name] = plain;
  }
  return values;
}

function mapped(
  values: Record<string, string>,
  mounts: { path: string; folder: string }[],
): Record<string, string> {
  const there = (plain: string) => {
    const mount = mounts.find(({ path }) => plain === path || plain.startsWith(`${path}/`));
    return mount === undefined ? plain : mount.folder + plain.slice(mount.path.length);
  };
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, there(value)]));
}

/** What the kubelet does to commands and values: `$(NAME)` is the value of NAME if there is one, `$$` is `$`. */
function expand(text: string, values: Record<string, string>): string {
  return text.replace(/\$\$|\$\(([^)]*)\)/g, (whole, name: string | undefined) =>
    name === undefined ? '$' : (values[name] ?? whole),
  );
}
