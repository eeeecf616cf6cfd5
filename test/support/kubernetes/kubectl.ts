import { execFileSync } from 'node:child_process';

/** The real kubectl of this machine. `why` is for a test's name, so that a test that is passed over says so. */
export const kubectl = look();

function look(): { found: boolean; why: string } {
  try {
    execFileSync('kubectl', ['version', '--client', '--output=json'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return { found: true, why: '' };
  } catch {
    const why = 'kubectl is not installed (on Debian: apt-get install kubernetes-client)';
    console.warn(`tests with kubectl are passed over: ${why}`);
    return { found: false, why: ` (passed over: ${why})` };
  }
}
