import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { V1PodSpec } from '@kubernetes/client-node';
import { signalRun } from '../../../src/runner/tagged-processes.ts';
import { selfSigned } from '../self-signed.ts';
import { discovery, RESOURCES } from './discovery.ts';
import { createObjects, type KubeObject, status } from './objects.ts';
import { type AccessReview, readBody } from './read-protobuf.ts';
import { type RunningPod, runPod } from './run-pod.ts';
import type { ClusterOptions, TestCluster } from './types.ts';
import { invalid, kubeconfig } from './validate-job.ts';

const VERBS: Record<string, string> = { GET: 'get', POST: 'create', DELETE: 'delete' };

/**
 * An API server of our own that speaks the published API of Kubernetes and Knative closely enough for kubectl and for
 * the runner: discovery, namespaces, Jobs, pods, logs, Knative Services, watches, access reviews, RBAC; over TLS, with
 * a bearer token. It is Job controller and kubelet too: a Job gets one pod, and the pod's command runs here.
 */
export async function startCluster(options: ClusterOptions = {}): Promise<TestCluster> {
  const directory = mkdtempSync(join(tmpdir(), 'cluster-'));
  const objects = createObjects();
  const token = 'kube-token-0123456789';
  const running = new Map<string, RunningPod>();
  const timers = new Set<NodeJS.Timeout>();
  const logStreams = new Set<Socket>();
  const groups = RESOURCES.map((one) => one.group).filter(
    (group) => options.knative !== false || group !== 'serving.knative.dev',
  );
  let logStart = 0;
  let closed = false;
  const waits: (() => void)[] = [];
  const changed = () => {
    for (const wake of waits.splice(0)) wake();
  };
  for (const name of options.namespaces ?? ['default', 'guruguru-jobs'])
    objects.put('namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });

  const setStatus = (resource: string, object: KubeObject, change: Record<string, unknown>) => {
    object.status = { ...object.status, ...change };
    objects.put(resource, object);
    changed();
  };
  const jobEnds = (job: KubeObject, type: 'Complete' | 'Failed', reason: string, message: string) => {
    if (objects.get('jobs', job.metadata.namespace, job.metadata.name) !== job) return;
    if ((job.status?.conditions as unknown[] | undefined)?.length) return;
    setStatus('jobs', job, { conditions: [{ type, status: 'True', reason, message }] });
  };
  const container = (state: object) => ({ containerStatuses: [{ name: 'job', state }] });

  const schedule = (job: KubeObject) => {
    const template = job.spec?.template as { metadata: { labels: Record<string, string> }; spec: V1PodSpec };
    const pod: KubeObject = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        name: `${job.metadata.name}-${Math.random().toString(36).slice(2, 7).padEnd(5, 'x')}`,
        namespace: job.metadata.namespace ?? '',
        labels: { ...template.metadata.labels, 'batch.kubernetes.io/job-name': job.metadata.name },
        ownerReferences: [{ apiVersion: 'batch/v1', kind: 'Job', name: job.metadata.name, controller: true }],
      },
      spec: { ...template.spec },
      status: { phase: 'Pending' },
    };
    objects.put('pods', pod);
    changed();
    const wanted = Object.entries(template.spec.nodeSelector ?? {});
    if (wanted.some(([name, value]) => options.node?.[name] !== value)) {
      const message = "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector.";
      const condition = { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message };
      return setStatus('pods', pod, { conditions: [condition] });
    }
    const image = template.spec.containers[0]?.image ?? '';
    if (options.missingImages?.includes(image)) {
      const message = `failed to pull image "${image}": not found`;
      setStatus('pods', pod, container({ waiting: { reason: 'ErrImagePull', message } }));
      const wait = setTimeout(() => {
        const backOff = { reason: 'ImagePullBackOff', message: `Back-off pulling image "${image}"` };
        if (isThere(pod)) setStatus('pods', pod, container({ waiting: backOff }));
      }, 20);
      return timers.add(wait);
    }
    start(job, pod, template.spec);
  };
  const isThere = (pod: KubeObject) => objects.get('pods', pod.metadata.namespace, pod.metadata.name) === pod;
  const start = (job: KubeObject, pod: KubeObject, spec: V1PodSpec) => {
    const home = join(directory, pod.metadata.name);
    mkdirSync(home);
    // The runner tries a pod before it takes jobs.
    if (pod.metadata.labels?.['guruguru/job'] !== 'probe') cluster.started += 1;
    const process_ = runPod({
      spec,
      directory: home,
      secrets: options.secrets ?? {},
      claims: options.claims ?? {},
      path: process.env.PATH ?? '',
      extra: options.kubeconfigInPods ? { KUBECONFIG: cluster.kubeconfig } : {},
    });
    running.set(pod.metadata.name, process_);
    setStatus('pods', pod, { phase: 'Running', ...container({ running: { startedAt: now() } }) });
    const deadline = Number(job.spec?.activeDeadlineSeconds ?? 0) * 1000;
    const late = setTimeout(() => {
      jobEnds(job, 'Failed', 'DeadlineExceeded', 'Job was active longer than specified deadline');
      cluster.deletePod(pod);
    }, deadline);
    timers.add(late);
    process_.ended.then(({ exitCode }) => {
      clearTimeout(late);
      if (closed || !isThere(pod) || pod.status?.phase === 'Failed') return;
      const reason = exitCode === 0 ? 'Completed' : 'Error';
      setStatus('pods', pod, {
        phase: exitCode === 0 ? 'Succeeded' : 'Failed',
        ...container({ terminated: { exitCode, reason, finishedAt: now() } }),
      });
      if (exitCode === 0) jobEnds(job, 'Complete', 'CompletionsReached', '');
      else jobEnds(job, 'Failed', 'BackoffLimitExceeded', 'Job has reached the specified backoff limit');
    });
  };
  /** As the kubelet ends a container for good: with everything in it. */
  const kill = async (pod: KubeObject) => {
    const env = (pod.spec as unknown as V1PodSpec).containers[0]?.env ?? [];
    running.get(pod.metadata.name)?.signal('SIGKILL');
    const run = env.find((one) => one.name === 'GURUGURU_RUN')?.value;
    if (run !== undefined && running.has(pod.metadata.name)) await signalRun(run, null, 'SIGKILL');
  };

  const cluster: TestCluster = {
    url: '',
    token,
    kubeconfig: join(directory, 'kubeconfig'),
    objects,
    used: new Set(),
    fault: () => null,
    started: 0,
    pods: () => objects.list('pods', undefined),
    jobs: () => objects.list('jobs', undefined),
    cutLogs() {
      const cut = logStreams.size;
      for (const socket of logStreams) socket.destroy();
      return cut;
    },
    evict(pod) {
      pod.status = {
        phase: 'Failed',
        reason: 'Evicted',
        message: 'The node was low on resource: memory.',
        conditions: [{ type: 'DisruptionTarget', status: 'True', reason: 'TerminationByKubelet' }],
      };
      objects.put('pods', pod);
      changed();
      kill(pod).catch(() => undefined);
    },
    async deletePod(pod) {
      if (pod.metadata.deletionTimestamp !== undefined) return;
      pod.metadata.deletionTimestamp = now();
      objects.put('pods', pod);
      const process_ = running.get(pod.metadata.name);
      process_?.signal('SIGTERM');
      const grace = setTimeout(() => kill(pod), 20_000);
      timers.add(grace);
      await process_?.ended;
      clearTimeout(grace);
      await kill(pod);
      await new Promise((resolve) => setImmediate(resolve));
      objects.remove('pods', pod);
      changed();
    },
    logFrom(bytes) {
      logStart = bytes;
    },
    async until(condition, what = condition.toString()) {
      const end = Date.now() + 20_000;
      while (!condition()) {
        if (Date.now() > end) throw new Error(`waited in vain for ${what}`);
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, 50);
          waits.push(() => {
            clearTimeout(timer);
            resolve();
          });
        });
      }
    },
    async close() {
      closed = true;
      for (const timer of timers) clearTimeout(timer);
      for (const pod of cluster.pods()) await kill(pod);
      await Promise.all([...running.values()].map((one) => one.ended.catch(() => undefined)));
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
      rmSync(directory, { recursive: true, force: true });
    },
  };

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'https://127.0.0.1');
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const send = (code: number, body: object, headers: Record<string, string> = {}) => {
      response.writeHead(code, { 'content-type': 'application/json', ...headers });
      response.end(JSON.stringify(body));
    };
    const fault = cluster.fault(`${request.method} ${url.pathname}`);
    const meet = () => {
      if (fault?.status === undefined) return request.socket.destroy();
      const headers = fault.retryAfter === undefined ? {} : { 'retry-after': String(fault.retryAfter) };
      return send(fault.status, status(fault.status, 'Fault', 'a fault of the test'), headers);
    };
    if (fault !== null && !fault.after) return void meet();
    if (request.headers.authorization !== `Bearer ${token}`)
      return send(401, status(401, 'Unauthorized', 'Unauthorized'));
    const known = discovery(url.pathname, groups);
    if (known !== null) return send(200, known);
    const body = readBody(Buffer.concat(chunks));
    const reply = fault === null ? send : () => void meet();
    await handle(request, response, url, body, reply);
  }

  async function handle(
    request: IncomingMessage,
    response: ServerResponse,
    url: URL,
    body: unknown,
    send: (code: number, body: object) => void,
  ): Promise<void> {
    const at =
      /^(?:\/api|\/apis\/([^/]+))\/v1(?:\/namespaces\/([^/]+)(?=\/))?\/([^/]+)(?:\/([^/]+))?(?:\/(log))?$/.exec(
        url.pathname,
      );
    const group = at?.[1] ?? '';
    const resource = RESOURCES.find((one) => one.group === group && one.plural === at?.[3]);
    if (at === null || resource === undefined || !groups.includes(group))
      return send(404, status(404, 'NotFound', 'the server could not find the requested resource'));
    const [, , namespace, plural = '', name, sub] = at;
    if (resource.kind === 'SelfSubjectAccessReview') return send(201, reviewed(body as AccessReview));
    const isWatch = url.searchParams.get('watch') === 'true';
    const verb =
      request.method === 'GET' && name === undefined
        ? isWatch
          ? 'watch'
          : 'list'
        : VERBS[request.method ?? ''];
    const full = sub === undefined ? plural : `${plural}/${sub}`;
    if (verb === undefined || !allowed(group, full, verb)) {
      const why = `${full}${group === '' ? '' : `.${group}`} is forbidden: cannot ${verb} in the namespace "${namespace}"`;
      return send(403, status(403, 'Forbidden', why));
    }
    cluster.used.add(`${verb} ${group}/${full}`);
    const store = plural === 'services' ? 'ksvc' : plural;
    const found = name === undefined ? undefined : objects.get(store, namespace, name);
    const missing = status(404, 'NotFound', `${plural}${group ? `.${group}` : ''} "${name}" not found`);
    if (verb === 'create') return create(body as KubeObject, namespace, send);
    if (verb === 'list') return send(200, listOf(resource, namespace, store, url));
    if (verb === 'watch') return watch(request, response, store, url);
    if (found === undefined) return send(404, missing);
    if (sub === 'log') {
      log(request, response, found, url, send);
      return;
    }
    if (verb === 'delete') {
      objects.remove(store, found);
      for (const pod of objects.list('pods', namespace))
        if (pod.metadata.labels?.['batch.kubernetes.io/job-name'] === name) void cluster.deletePod(pod);
      changed();
    }
    return send(200, found);
  }

  function allowed(group: string, resource: string, verb: string): boolean {
    if (options.rules === undefined) return true;
    return options.rules.some(
      (rule) =>
        rule.apiGroups.includes(group) && rule.resources.includes(resource) && rule.verbs.includes(verb),
    );
  }
  function reviewed(review: AccessReview): object {
    const { group = '', resource = '', subresource, verb = '' } = review.spec?.resourceAttributes ?? {};
    const full = subresource ? `${resource}/${subresource}` : resource;
    return { ...review, status: { allowed: groups.includes(group) && allowed(group, full, verb) } };
  }
  function create(
    job: KubeObject,
    namespace: string | undefined,
    send: (code: number, body: object) => void,
  ) {
    if (objects.get('namespaces', undefined, namespace ?? '') === undefined)
      return send(404, status(404, 'NotFound', `namespaces "${namespace}" not found`));
    const wrong = invalid(job);
    if (wrong !== null) return send(422, status(422, 'Invalid', `Job.batch is invalid: ${wrong}`));
    if (objects.get('jobs', namespace, job.metadata.name) !== undefined)
      return send(409, status(409, 'AlreadyExists', `jobs.batch "${job.metadata.name}" already exists`));
    objects.put('jobs', job);
    setImmediate(() => schedule(job));
    return send(201, job);
  }
  function selected(list: KubeObject[], url: URL): KubeObject[] {
    const selector = url.searchParams.get('labelSelector') ?? '';
    const field = /^metadata\.name=(.+)$/.exec(url.searchParams.get('fieldSelector') ?? '')?.[1];
    const [label, value] = selector.split('=');
    return list.filter(
      (object) =>
        (selector === '' || object.metadata.labels?.[label ?? ''] === value) &&
        (field === undefined || object.metadata.name === field),
    );
  }
  function listOf(
    resource: { kind: string; group: string },
    namespace: string | undefined,
    store: string,
    url: URL,
  ): object {
    return {
      kind: `${resource.kind}List`,
      apiVersion: resource.group === '' ? 'v1' : `${resource.group}/v1`,
      metadata: { resourceVersion: objects.version() },
      items: selected(objects.list(store, namespace), url),
    };
  }
  function watch(request: IncomingMessage, response: ServerResponse, resource: string, url: URL): void {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    const stop = objects.watch(
      {
        resource,
        send: (event) => {
          if (event.type !== 'ERROR' && selected([event.object as KubeObject], url).length === 0) return;
          response.write(`${JSON.stringify({ type: event.type, object: event.object })}\n`);
          if (event.type === 'ERROR') response.end();
        },
      },
      url.searchParams.get('resourceVersion') ?? '0',
    );
    const end = setTimeout(
      () => response.end(),
      Number(url.searchParams.get('timeoutSeconds') ?? 300) * 1000,
    );
    timers.add(end);
    request.socket.once('close', stop);
    response.once('close', stop);
  }
  function log(
    request: IncomingMessage,
    response: ServerResponse,
    pod: KubeObject,
    url: URL,
    send: (code: number, body: object) => void,
  ): void {
    const process_ = running.get(pod.metadata.name);
    if (process_ === undefined) {
      const why = `container "job" in pod "${pod.metadata.name}" is waiting to start: ContainerCreating`;
      send(400, status(400, 'BadRequest', why));
      return;
    }
    response.writeHead(200, { 'content-type': 'text/plain' });
    response.write(process_.log().subarray(logStart));
    if (url.searchParams.get('follow') !== 'true') {
      response.end();
      return;
    }
    const { socket } = request;
    logStreams.add(socket);
    const stop = process_.follow((bytes) => response.write(bytes));
    socket.once('close', () => {
      stop();
      logStreams.delete(socket);
    });
    process_.ended.finally(() => response.end());
  }

  const { cert, key } = selfSigned();
  const server = createServer({ cert, key }, (request, response) => {
    answer(request, response).catch((error) => {
      if (!response.headersSent) response.writeHead(500);
      response.end(JSON.stringify(status(500, 'InternalError', String(error))));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cluster.url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  writeFileSync(cluster.kubeconfig, kubeconfig(cluster.url, token, cert), { mode: 0o600 });
  return cluster;
}

const now = () => new Date().toISOString().replace(/\.\d+/, '');
