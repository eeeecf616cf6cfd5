export interface Resource {
  group: string;
  version: string;
  plural: string;
  kind: string;
  shortNames: string[];
  namespaced: boolean;
}

export const RESOURCES: readonly Resource[] = [
  {
    group: '',
    version: 'v1',
    plural: 'namespaces',
    kind: 'Namespace',
    shortNames: ['ns'],
    namespaced: false,
  },
  { group: '', version: 'v1', plural: 'pods', kind: 'Pod', shortNames: ['po'], namespaced: true },
  { group: 'batch', version: 'v1', plural: 'jobs', kind: 'Job', shortNames: [], namespaced: true },
  {
    group: 'serving.knative.dev',
    version: 'v1',
    plural: 'services',
    kind: 'Service',
    shortNames: ['kservice', 'ksvc'],
    namespaced: true,
  },
  {
    group: 'authorization.k8s.io',
    version: 'v1',
    plural: 'selfsubjectaccessreviews',
    kind: 'SelfSubjectAccessReview',
    shortNames: [],
    namespaced: false,
  },
];

const VERBS = ['create', 'delete', 'get', 'list', 'watch'];

/** The documents kubectl reads to learn what `ksvc` is; null: the path is no discovery. */
export function discovery(path: string, groups: readonly string[]): object | null {
  const served = RESOURCES.filter((resource) => groups.includes(resource.group));
  if (path === '/version')
    return { major: '1', minor: '33', gitVersion: 'v1.33.0-test', platform: 'linux/amd64' };
  if (path === '/api') return { kind: 'APIVersions', versions: ['v1'] };
  if (path === '/apis') {
    const named = [...new Set(served.map((resource) => resource.group))].filter((group) => group !== '');
    return { kind: 'APIGroupList', apiVersion: 'v1', groups: named.map(groupOf) };
  }
  const at = /^\/api\/v1$|^\/apis\/([^/]+)\/v1$/.exec(path);
  if (at === null) return null;
  const group = at[1] ?? '';
  if (!groups.includes(group)) return null;
  return {
    kind: 'APIResourceList',
    apiVersion: 'v1',
    groupVersion: group === '' ? 'v1' : `${group}/v1`,
    resources: served
      .filter((resource) => resource.group === group)
      .map((resource) => ({
        name: resource.plural,
        singularName: resource.kind.toLowerCase(),
        namespaced: resource.namespaced,
        kind: resource.kind,
        verbs: VERBS,
        shortNames: resource.shortNames,
      })),
  };
}

function groupOf(name: string): object {
  const version = { groupVersion: `${name}/v1`, version: 'v1' };
  return { name, versions: [version], preferredVersion: version };
}
