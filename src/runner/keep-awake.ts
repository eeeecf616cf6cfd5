import { spawn } from 'node:child_process';

/** Keeps a Mac from falling asleep while the process lives. Elsewhere, and where it fails, nothing happens. */
export function keepAwake(pid: number, platform: NodeJS.Platform = process.platform): void {
  if (platform !== 'darwin') return;
  const child = spawn('caffeinate', ['-i', '-w', String(pid)], { stdio: 'ignore' });
  child.on('error', () => undefined);
  child.unref();
}
