// A runner that polls: pulls every ten seconds and runs the first line of every queue file it has not seen.
// Arguments: the checkout; milliseconds until the first pull.
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const INTERVAL_MS = 10_000;
const [checkout = '', phase = '0'] = process.argv.slice(2);
const queue = join(checkout, 'jobs/queue');
const seen = new Set(readdirSync(queue));

function poll() {
  execFileSync('git', ['pull', '--ff-only', '--quiet'], { cwd: checkout });
  for (const name of readdirSync(queue)) {
    if (seen.has(name)) continue;
    seen.add(name);
    const { script } = JSON.parse(readFileSync(join(queue, name), 'utf8'));
    execFileSync('bash', ['-c', script[0]], { cwd: checkout });
    console.log('ran a job');
  }
}

setTimeout(() => {
  poll();
  setInterval(poll, INTERVAL_MS);
}, Number(phase));
console.log('polling');
