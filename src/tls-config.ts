import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { createSecureContext } from 'node:tls';

/** How calls from other machines are kept from being read on their way. */
export interface TransportConfig {
  /** The app serves TLS itself. PEM texts. */
  tls: { cert: string; key: string } | null;
  /** Addresses or subnets of reverse proxies whose `X-Forwarded-Proto` and `X-Forwarded-For` are believed. */
  trustedProxies: string[];
}

type Given = Record<string, string | undefined>;

/** `problems`: one line each, name first. */
export function readTransport(env: Given): TransportConfig & { problems: string[] } {
  const problems: string[] = [];
  const trustedProxies = (env.GURUGURU_TRUSTED_PROXIES ?? '')
    .split(',')
    .map((address) => address.trim())
    .filter(Boolean);
  const odd = trustedProxies.find((proxy) => !isSubnet(proxy));
  if (odd)
    problems.push(
      `GURUGURU_TRUSTED_PROXIES: ${JSON.stringify(odd)} is no IP address; write e.g. 10.0.0.5 or 10.0.0.0/24, comma-separated`,
    );
  const cert = readPem('GURUGURU_TLS_CERT', env, problems);
  const key = readPem('GURUGURU_TLS_KEY', env, problems);
  if ((cert === null) !== (key === null) && problems.length === 0) {
    const missing = cert === null ? 'GURUGURU_TLS_CERT' : 'GURUGURU_TLS_KEY';
    problems.push(`${missing}: is missing; give both, the paths of two PEM files, or neither`);
  }
  const tls = cert !== null && key !== null ? { cert, key } : null;
  if (tls) problems.push(...pairProblem(tls));
  if (tls && env.WEBHOOK_PROXY_URL)
    problems.push(
      'WEBHOOK_PROXY_URL: is for trying things out without TLS; leave it or GURUGURU_TLS_CERT out',
    );
  return { tls, trustedProxies, problems };
}

/** `10.0.0.5`, `10.0.0.0/24`, `fd00::/8` */
function isSubnet(text: string): boolean {
  const [address = '', prefix, rest] = text.split('/');
  const bits = isIP(address) === 6 ? 128 : 32;
  if (isIP(address) === 0 || rest !== undefined) return false;
  return prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= bits);
}

function readPem(name: string, env: Given, problems: string[]): string | null {
  const path = env[name];
  if (!path) return null;
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    problems.push(`${name}: cannot read ${path} (${(cause as Error).message}); give the path of a PEM file`);
    return null;
  }
}

function pairProblem(tls: { cert: string; key: string }): string[] {
  try {
    createSecureContext(tls);
    return [];
  } catch (cause) {
    return [
      `GURUGURU_TLS_CERT: does not make a pair with GURUGURU_TLS_KEY (${(cause as Error).message}); give the certificate (with its chain) and its own key, both PEM`,
    ];
  }
}
