import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest, type RequestOptions } from 'node:https';
import type { KubeConfig, V1Job, V1Pod } from '@kubernetes/client-node';
import { answerOf, ClusterError } from './cluster-error.ts';
import type { KubernetesConfig } from './kubernetes-config.ts';
import { lineCutter } from './pod-wrapper.ts';

const CALL_MS = 30_000;
/** What the library takes for the cluster where it finds none. */
const NOTHING_FOUND = 'http://localhost:8080';
const ANSWER_MAX_BYTES = 16 * 1024 * 1024;

export interface PodEvent {
  type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK';
  pod: V1Pod;
}

/** What the executor asks of a cluster, in one namespace. Every method throws ClusterError. */
export interface Cluster {
  createJob(job: V1Job): Promise<void>;
  /** null: there is none. */
  getJob(name: string): Promise<V1Job | null>;
  /** Its pod gets SIGTERM. That there is none is fine. */
  deleteJob(name: string): Promise<void>;
  listPods(label: string): Promise<{ pods: V1Pod[]; resourceVersion: string }>;
  /** Resolves when the server ends the watch (after `seconds`); 410: list anew. */
  watchPods(
    label: string,
    watch: { resourceVersion: string; seconds: number; signal: AbortSignal; take: (event: PodEvent) => void },
  ): Promise<void>;
  /** From the log's beginning. Resolves at the stream's end, which with `follow` is not surely the log's. */
  readLog(
    pod: string,
    log: { container: string; follow: boolean; signal: AbortSignal; take: (bytes: Buffer) => void },
  ): Promise<void>;
  /** The API server's address. */
  server: string;
}

/**
 * The cluster of the kubeconfig or, inside a pod, the one it is in. The client library (91 MB) finds it and proves
 * who we are; the calls are ours, since the library's streams hide an answer's headers, and die of a cut connection.
 * @throws Error when no cluster is configured
 */
export async function openCluster(config: Pick<KubernetesConfig, 'namespace' | 'context'>): Promise<Cluster> {
  const { KubeConfig } = await import('@kubernetes/client-node');
  const kube = new KubeConfig();
  try {
    kube.loadFromDefault();
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`the kubeconfig (KUBECONFIG, or ~/.kube/config) cannot be read: ${why}`, { cause });
  }
  if (config.context !== undefined) {
    if (kube.getContextObject(config.context) === null)
      throw new Error(`context: the kubeconfig has no ${config.context}; it has ${contexts(kube)}`);
    kube.setCurrentContext(config.context);
  }
  const server = kube.getCurrentCluster()?.server;
  if (server === undefined || server === NOTHING_FOUND)
    throw new Error('no cluster is configured: set KUBECONFIG, or run in a pod with a service account');
  const jobs = `/apis/batch/v1/namespaces/${config.namespace}/jobs`;
  const pods = `/api/v1/namespaces/${config.namespace}/pods`;
  const call = (what: string, method: string, path: string, body?: unknown) =>
    callJson({ kube, server, what, method, path, body });

  return {
    server,
    createJob: async (job) => {
      await call('creating the Job', 'POST', jobs, job);
    },
    getJob: async (name) =>
      (await notFoundIsNull(call('reading the Job', 'GET', `${jobs}/${name}`))) as V1Job | null,
    deleteJob: async (name) => {
      const body = { kind: 'DeleteOptions', apiVersion: 'v1', propagationPolicy: 'Background' };
      await notFoundIsNull(call('deleting the Job', 'DELETE', `${jobs}/${name}`, body));
    },
    listPods: async (label) => {
      const path = `${pods}?labelSelector=${encodeURIComponent(label)}`;
      const list = (await call('listing pods', 'GET', path)) as {
        items?: V1Pod[];
        metadata?: { resourceVersion?: string };
      };
      return { pods: list.items ?? [], resourceVersion: list.metadata?.resourceVersion ?? '' };
    },
    watchPods: async (label, { resourceVersion, seconds, signal, take }) => {
      const query = new URLSearchParams({
        labelSelector: label,
        watch: 'true',
        resourceVersion,
        timeoutSeconds: String(seconds),
        allowWatchBookmarks: 'true',
      });
      const cut = lineCutter((line) => take(podEvent(line)));
      // A connection that died without a word is given up some time after the server was to end the watch.
      const limit = AbortSignal.any([signal, AbortSignal.timeout((seconds + 15) * 1000)]);
      await stream({
        kube,
        server,
        what: 'watching pods',
        path: `${pods}?${query}`,
        signal: limit,
        take: cut,
      });
    },
    readLog: async (pod, { container, follow, signal, take }) => {
      const path = `${pods}/${pod}/log?container=${container}&follow=${follow}`;
      await stream({ kube, server, what: "reading the pod's log", path, signal, take });
    },
  };
}

function contexts(kube: KubeConfig): string {
  return (
    kube
      .getContexts()
      .map((context) => context.name)
      .join(', ') || 'none'
  );
}

function podEvent(line: Buffer): PodEvent {
  const event = JSON.parse(line.toString('utf8')) as { type?: string; object?: V1Pod & { code?: number } };
  const { type, object } = event;
  if (type === 'ERROR' || object === undefined) {
    throw new ClusterError(
      'watching pods',
      answerOf(object?.code ?? 500, JSON.stringify(object ?? {}), undefined),
    );
  }
  return { type: type as PodEvent['type'], pod: object };
}

async function notFoundIsNull(answer: Promise<unknown>): Promise<unknown> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof ClusterError && error.status === 404) return null;
    throw error;
  }
}

interface Call {
  kube: KubeConfig;
  server: string;
  what: string;
  method?: string;
  path: string;
  body?: unknown;
  signal: AbortSignal;
}

async function callJson(call: Omit<Call, 'signal'>): Promise<unknown> {
  const response = await open({ ...call, signal: AbortSignal.timeout(CALL_MS) });
  const text = await readAll(call.what, response);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ClusterError(
      call.what,
      { status: null, message: 'the answer is no JSON', retryAfterMs: null },
      cause,
    );
  }
}

async function stream(call: Call & { take: (bytes: Buffer) => void }): Promise<void> {
  const response = await open(call);
  try {
    for await (const chunk of response) call.take(chunk as Buffer);
  } catch (cause) {
    if (cause instanceof ClusterError) throw cause;
    throw noAnswer(call.what, cause);
  } finally {
    response.destroy();
  }
}

/** The answer, once it is known to be a good one. */
async function open(call: Call): Promise<IncomingMessage> {
  const { kube, server, what, signal } = call;
  const url = new URL(server.replace(/\/+$/, '') + call.path);
  const options: RequestOptions = { method: call.method ?? 'GET', headers: { accept: 'application/json' } };
  const body = call.body === undefined ? null : JSON.stringify(call.body);
  let response: IncomingMessage;
  try {
    await kube.applyToHTTPSOptions(options);
    const headers = {
      ...options.headers,
      'user-agent': 'guruguru',
      ...(body === null
        ? {}
        : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
    };
    response = await new Promise<IncomingMessage>((resolve, reject) => {
      const request = (url.protocol === 'http:' ? httpRequest : httpsRequest)(url, {
        ...options,
        headers,
        signal,
      });
      request.once('error', reject);
      request.once('response', resolve);
      request.once('socket', (socket) => socket.setKeepAlive(true, 30_000));
      request.end(body ?? undefined);
    });
  } catch (cause) {
    throw noAnswer(what, cause);
  }
  const status = response.statusCode ?? 0;
  if (status >= 200 && status < 300) return response;
  const text = await readAll(what, response);
  throw new ClusterError(what, answerOf(status, text, response.headers['retry-after']));
}

async function readAll(what: string, response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of response) {
      size += (chunk as Buffer).length;
      if (size > ANSWER_MAX_BYTES) throw new Error(`the answer is longer than ${ANSWER_MAX_BYTES} bytes`);
      chunks.push(chunk as Buffer);
    }
  } catch (cause) {
    throw noAnswer(what, cause);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function noAnswer(what: string, cause: unknown): ClusterError {
  const message = cause instanceof Error ? cause.message : String(cause);
  return new ClusterError(what, { status: null, message, retryAfterMs: null }, cause);
}
