import type { RestEndpointMethodTypes } from '@octokit/plugin-rest-endpoint-methods';
import { awaitLanding } from './await-landing.ts';
import { orNull, type RepositoryContext, read, readPages, write } from './call-github.ts';
import { clipText } from './clip-text.ts';
import type { RepositoryClient } from './repository-api.ts';
import type { CheckAnnotation, CheckContent, CheckRun } from './types.ts';

type CheckRuns = Pick<RepositoryClient, 'checkRuns' | 'ensureCheckRun' | 'updateCheckRun'>;
type CheckRunData = RestEndpointMethodTypes['checks']['get']['response']['data'];

/** GitHub takes 50 a request and appends. */
const ANNOTATIONS_PER_REQUEST = 50;
/** More would be requests without a reader. */
const ANNOTATIONS_LIMIT = 200;
const SEARCH_LIMIT = 1000;

export function createCheckRuns(context: RepositoryContext): CheckRuns {
  const { rest } = context.octokit;

  async function list(
    sha: string,
    query: { name?: string | undefined; filter: 'latest' | 'all' },
    signal: AbortSignal,
  ): Promise<CheckRun[]> {
    const { items } = await readPages(SEARCH_LIMIT, async (page) => {
      const { data } = await read(context, signal, (base) =>
        rest.checks.listForRef({
          ...base,
          ref: sha,
          filter: query.filter,
          ...(query.name === undefined ? {} : { check_name: query.name }),
          per_page: 100,
          page,
        }),
      );
      return data.check_runs;
    });
    return items.map((item) => toCheckRun(context, item));
  }

  /** Sends the content with the first annotations, then the rest. */
  async function update(
    id: number,
    content: CheckContent,
    from: number,
    signal: AbortSignal,
  ): Promise<'updated' | 'gone'> {
    const fields = toFields(content);
    const chunks = chunksOf(content.annotations ?? [], from);
    const answer = await orNull(
      write(context, 'check_run.update', signal, (base) =>
        rest.checks.update({
          ...base,
          ...fields,
          check_run_id: id,
          output: { ...fields.output, annotations: chunks[0] ?? [] },
        }),
      ),
    );
    if (answer === null) return 'gone';
    await append(id, fields.output, chunks.slice(1), signal);
    return 'updated';
  }

  async function append(
    id: number,
    output: { title: string; summary: string },
    chunks: Chunk[],
    signal: AbortSignal,
  ): Promise<void> {
    for (const annotations of chunks) {
      await write(context, 'check_run.update', signal, (base) =>
        rest.checks.update({ ...base, check_run_id: id, output: { ...output, annotations } }),
      );
    }
  }

  const updateCheckRun: CheckRuns['updateCheckRun'] = async (id, content, signal) => {
    let from = 0;
    if (content.annotations?.length) {
      const answer = await orNull(
        read(context, signal, (base) => rest.checks.get({ ...base, check_run_id: id })),
      );
      if (answer === null) return 'gone';
      from = answer.data.output.annotations_count;
    }
    return await update(id, content, from, signal);
  };

  return {
    updateCheckRun,

    checkRuns: (sha, filter, signal) => list(sha, { name: filter.name, filter: 'latest' }, signal),

    async ensureCheckRun(options, signal) {
      const { knownId, headSha, name, externalId } = options;
      const fields = toFields(options);
      if (knownId !== undefined && (await updateCheckRun(knownId, options, signal)) === 'updated') {
        return { id: knownId, created: false };
      }
      if (options.search) {
        const found = (await list(headSha, { name, filter: 'all' }, signal)).find(
          (run) => run.ours && run.externalId === externalId,
        );
        if (found && (await update(found.id, options, found.annotationsCount, signal)) === 'updated') {
          return { id: found.id, created: false };
        }
        awaitLanding(options);
      }
      const chunks = chunksOf(options.annotations ?? [], 0);
      const { data } = await write(context, 'check_run.create', signal, (base) =>
        rest.checks.create({
          ...base,
          ...fields,
          name,
          head_sha: headSha,
          external_id: externalId,
          output: { ...fields.output, annotations: chunks[0] ?? [] },
        }),
      );
      await append(Number(data.id), fields.output, chunks.slice(1), signal);
      return { id: Number(data.id), created: true };
    },
  };
}

type Chunk = ReturnType<typeof toAnnotation>[];

function chunksOf(annotations: CheckAnnotation[], from: number): Chunk[] {
  const left = annotations.slice(from, ANNOTATIONS_LIMIT).map(toAnnotation);
  const chunks: Chunk[] = [];
  for (let at = 0; at < left.length; at += ANNOTATIONS_PER_REQUEST) {
    chunks.push(left.slice(at, at + ANNOTATIONS_PER_REQUEST));
  }
  return chunks;
}

/** https://docs.github.com/rest/checks/runs#create-a-check-run gives the limits. */
function toFields(content: CheckContent) {
  const actions = content.actions ?? [];
  if (actions.length > 3) throw new RangeError(`a check run takes 3 actions, not ${actions.length}`);
  for (const { label, description, identifier } of actions) {
    if (label.length > 20 || description.length > 40 || identifier.length > 20) {
      throw new RangeError(
        `the check run action "${identifier}" is too long: label 20, description 40, identifier 20`,
      );
    }
  }
  if ((content.status === 'completed') !== (content.conclusion !== undefined)) {
    throw new RangeError('a check run has a conclusion when it is completed, and only then');
  }
  const more = (content.annotations?.length ?? 0) - ANNOTATIONS_LIMIT;
  const notice = more > 0 ? `\n\n${more} more findings are not shown.` : '';
  return {
    status: content.status,
    ...(content.conclusion === undefined ? {} : { conclusion: content.conclusion }),
    ...(content.detailsUrl === undefined ? {} : { details_url: content.detailsUrl }),
    // Sent even when empty: buttons that no longer make sense go away.
    actions,
    output: {
      title: content.title.slice(0, 255),
      summary: `${clipText(content.summary, 65_535 - notice.length)}${notice}`,
      ...(content.text === undefined ? {} : { text: clipText(content.text) }),
    },
  };
}

function toAnnotation(annotation: CheckAnnotation) {
  return {
    path: annotation.path,
    start_line: annotation.startLine,
    end_line: annotation.endLine,
    annotation_level: annotation.level,
    message: clipText(annotation.message, 16_000),
    ...(annotation.title === undefined ? {} : { title: annotation.title.slice(0, 255) }),
  };
}

function toCheckRun(context: RepositoryContext, data: CheckRunData): CheckRun {
  return {
    id: Number(data.id),
    name: data.name,
    headSha: data.head_sha,
    externalId: data.external_id ?? '',
    status: data.status,
    conclusion: data.conclusion,
    ours: data.app?.id === context.appId,
    completedAt: data.completed_at,
    annotationsCount: data.output.annotations_count,
  };
}
