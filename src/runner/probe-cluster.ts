import { execFile } from 'node:child_process';
import { PROBED } from './capabilities.ts';
import { type Environment, jobEnvironment } from './job-environment.ts';

const LIMIT_MS = 60_000;
/** The protocol takes 50 capabilities; programs and system are half of them. */
const NAMESPACES_MAX = 10;

/**
 * Asks the cluster, with the kubectl a job would use and as whom a job is: does it answer (`cluster`), in which
 * namespaces may a job read something (`ns.<name>`), and may it read Knative Services there (`ksvc`)? Where it may not
 * list namespaces, its own and `default` are tried.
 */
const CLUSTER_SCRIPT = `set +e +o pipefail; seen=
k() { kubectl --request-timeout=5s "$@" 2>/dev/null </dev/null; }
if command -v kubectl >/dev/null 2>&1 && k version --output=json | grep -q '"serverVersion"'; then
  echo 'proved cluster'
  own=$(cat /var/run/secrets/kubernetes.io/serviceaccount/namespace 2>/dev/null)
  [ -n "$own" ] || own=$(k config view --minify --output='jsonpath={..namespace}')
  names=$(k get namespaces --output=name | head -n ${NAMESPACES_MAX})
  [ -n "$names" ] || names="$own default"
  knative=
  k get --raw /apis/serving.knative.dev/v1 >/dev/null && knative=1
  ksvc=
  for name in $names; do
    name=\${name#namespace/}; may=
    case " $seen " in *" $name "*) continue ;; esac; seen="$seen $name"
    [ -n "$knative" ] && k auth can-i get services.serving.knative.dev --namespace "$name" >/dev/null && may=1 && ksvc=1
    [ -n "$may" ] || { k auth can-i get pods --namespace "$name" >/dev/null && may=1; }
    [ -n "$may" ] && echo "proved ns.$name"
  done
  [ -n "$ksvc" ] && echo 'proved ksvc'
fi
:`;

/** For a pod, which has programs of its own. One line of bash each, as a job's script. */
export const POD_SCRIPT = [
  `for program in ${PROBED.join(' ')}; do command -v "$program" >/dev/null 2>&1 && echo "proved $program"; done; :`,
  CLUSTER_SCRIPT,
];

/** What a probe's output proves; what is no capability by its form is passed over. */
export function provedBy(output: string): string[] {
  const found = output
    .split('\n')
    .map((line) => /^proved ([A-Za-z0-9][A-Za-z0-9._-]{0,62})$/.exec(line.trim())?.[1])
    .filter((name) => name !== undefined);
  return [...new Set(found)].slice(0, 48);
}

/** What kubectl proves on this machine, with the environment a job would have. Nothing where it fails. */
export function probeCluster(environment: Environment): Promise<string[]> {
  const given = jobEnvironment({ environment, job: { id: 'probe' }, runId: 'probe', reportFile: '' });
  return new Promise((resolve) => {
    const options = { env: given.ok ? given.env : {}, timeout: LIMIT_MS, killSignal: 'SIGKILL' } as const;
    execFile('bash', ['--noprofile', '--norc', '-c', CLUSTER_SCRIPT], options, (_error, stdout) =>
      resolve(provedBy(stdout)),
    );
  });
}
