import type { AppConfig } from '../../config.ts';
import { listDeliveries, listInstallations } from '../../github/app-reads.ts';
import type { Octokits } from '../../github/octokit.ts';
import { type DoctorFinding, ok, unknown, warning } from './finding.ts';

const DAY_MS = 24 * 3_600_000;
const SILENT = { etags: new Map(), onRequest() {} };

/** How the app hears of GitHub: whether webhooks arrive, and what it has asked for in this hour. */
export async function checkIngress(
  octokits: Octokits,
  config: Pick<AppConfig, 'ingress' | 'reconcileSeconds'>,
  signal: AbortSignal,
): Promise<DoctorFinding[]> {
  try {
    const heard =
      config.ingress === 'poll'
        ? ok('ingress', `GitHub is asked every ${config.reconcileSeconds} s; no webhook is needed`)
        : await checkDeliveries(octokits, signal);
    return [heard, ...(await checkRequests(octokits, signal))];
  } catch (error) {
    return [
      unknown(
        'ingress',
        `GitHub does not tell: ${(error as Error).message}`,
        "Look at the deliveries on the App's settings page under Advanced.",
      ),
    ];
  }
}

async function checkDeliveries(octokits: Octokits, signal: AbortSignal): Promise<DoctorFinding> {
  const attempts = await listDeliveries(octokits, SILENT, Date.now() - DAY_MS, signal);
  const failed = attempts.filter(({ arrived }) => !arrived).length;
  if (attempts.length === 0) {
    return unknown(
      'ingress',
      'GitHub has sent no webhook in the last day',
      "Write a comment and run this again; if there is still none, look at the webhook on the App's settings page.",
    );
  }
  const counted = `${attempts.length - failed} of ${attempts.length} webhooks of the last day arrived`;
  return attempts[0]?.arrived
    ? ok('ingress', counted)
    : warning(
        'ingress',
        `${counted}, the last one did not`,
        'Look at the proxy before the app and at WEBHOOK_SECRET; or set GURUGURU_INGRESS=poll, which needs no way in.',
      );
}

async function checkRequests(octokits: Octokits, signal: AbortSignal): Promise<DoctorFinding[]> {
  const findings: DoctorFinding[] = [];
  for (const { id, suspended } of await listInstallations(octokits, SILENT, signal)) {
    if (suspended) continue;
    const { data } = await octokits.installation(id).rest.rateLimit.get({ request: { signal } });
    const { used, limit } = data.resources.core;
    const said = `installation ${id} has used ${used} of ${limit} requests of this hour`;
    findings.push(
      used < limit / 2
        ? ok('requests', said)
        : warning('requests', said, 'Set GURUGURU_RECONCILE_SECONDS higher, or use webhooks.'),
    );
  }
  return findings;
}
