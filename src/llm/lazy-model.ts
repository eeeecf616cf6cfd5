import type { Model, ModelSettings } from './client.ts';

/** A model whose SDK is loaded at the first call: it costs 10 MB, and many days have no ask in prose. */
export function lazyModel(settings: ModelSettings): Model {
  let loaded: Promise<Model> | undefined;
  return {
    name: settings.model,
    async structured(request) {
      loaded ??= import('./client.ts').then(({ createModel }) => createModel(settings));
      return (await loaded).structured(request);
    },
  };
}
