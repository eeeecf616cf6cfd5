/** A Kubernetes object as it goes over the wire. */
export interface KubeObject {
  apiVersion: string;
  kind: string;
  metadata: {
    name: string;
    namespace?: string;
    uid?: string;
    resourceVersion?: string;
    creationTimestamp?: string;
    deletionTimestamp?: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
    ownerReferences?: object[];
  };
  spec?: Record<string, unknown>;
  status?: Record<string, unknown>;
}

interface Event {
  version: number;
  resource: string;
  type: 'ADDED' | 'MODIFIED' | 'DELETED';
  object: KubeObject;
}

export interface Watcher {
  resource: string;
  send: (event: { type: string; object: unknown }) => void;
}

/** Objects with resource versions, and who watches them: what etcd and the watch cache are to an API server. */
export function createObjects() {
  const all = new Map<string, KubeObject>();
  const events: Event[] = [];
  const watchers = new Set<Watcher>();
  let version = 100;
  let oldest = 0;
  const key = (resource: string, namespace: string | undefined, name: string) =>
    `${resource}/${namespace ?? ''}/${name}`;
  const tell = (resource: string, type: Event['type'], object: KubeObject) => {
    const copy = structuredClone(object);
    events.push({ version, resource, type, object: copy });
    for (const watcher of watchers) if (watcher.resource === resource) watcher.send({ type, object: copy });
  };
  return {
    version: () => String(version),
    get: (resource: string, namespace: string | undefined, name: string) =>
      all.get(key(resource, namespace, name)),
    list: (resource: string, namespace: string | undefined) =>
      [...all]
        .filter(([at]) => at.startsWith(`${resource}/${namespace === undefined ? '' : `${namespace}/`}`))
        .map(([, object]) => object),
    put(resource: string, object: KubeObject): KubeObject {
      version += 1;
      const at = key(resource, object.metadata.namespace, object.metadata.name);
      const known = all.has(at);
      object.metadata.resourceVersion = String(version);
      object.metadata.uid ??= `uid-${version}`;
      object.metadata.creationTimestamp ??= new Date().toISOString().replace(/\.\d+/, '');
      all.set(at, object);
      tell(resource, known ? 'MODIFIED' : 'ADDED', object);
      return object;
    },
    remove(resource: string, object: KubeObject): void {
      if (!all.delete(key(resource, object.metadata.namespace, object.metadata.name))) return;
      version += 1;
      object.metadata.resourceVersion = String(version);
      tell(resource, 'DELETED', object);
    },
    /** Forgets old versions, and tells whoever watches: 410 Gone. */
    compact(): void {
      oldest = version + 1;
      version += 1;
      for (const watcher of watchers) watcher.send({ type: 'ERROR', object: gone(version) });
    },
    /** Sends what happened since, then what happens. Returns how to end it. */
    watch(watcher: Watcher, since: string): () => void {
      if (Number(since) < oldest) watcher.send({ type: 'ERROR', object: gone(Number(since)) });
      for (const event of events)
        if (event.resource === watcher.resource && event.version > Number(since)) watcher.send(event);
      watchers.add(watcher);
      return () => watchers.delete(watcher);
    },
  };
}
export type Objects = ReturnType<typeof createObjects>;

export function status(code: number, reason: string, message: string): object {
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason, code };
}

function gone(version: number): object {
  return status(410, 'Expired', `too old resource version: ${version}`);
}
