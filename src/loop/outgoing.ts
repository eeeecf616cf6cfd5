import type { RepositoryClient } from '../github/repository-client.ts';
import type { FileChange } from '../github/types.ts';
import { redactText } from '../job/secrets/redact.ts';
import { redactJson, redactPublished } from '../job/secrets/redact-published.ts';
import { secretForms } from '../job/secrets/secret-forms.ts';
import type { Model } from '../llm/client.ts';

/** Text fit to leave the app. Idempotent. */
export type Redact = (text: string) => string;

/** Takes out the app's own secrets, whatever they look like, and everything of a well-known shape. */
export function createRedact(values: readonly string[]): Redact {
  // Most texts hold none of them, and making a redactor takes longer than looking.
  const forms = [...new Set(values.flatMap(secretForms))];
  const may = (text: string) => text.includes('\x1b') || forms.some((form) => text.includes(form));
  return (text) => {
    const shown = redactPublished(text);
    return may(shown) ? redactText(shown, values) : shown;
  };
}

/**
 * The client through which everything passes that is published. Job files are left as they are: their bytes
 * were approved, and one that holds a secret is refused before (policy/secret).
 */
export function redactingClient(client: RepositoryClient, redact: Redact): RepositoryClient {
  const clean = <T>(value: T): T => redactJson(value, redact);
  const report = (file: FileChange): FileChange =>
    typeof file.content !== 'string' || !file.path.startsWith('reports/')
      ? file
      : { ...file, content: redact(file.content) };
  return {
    ...client,
    ensureComment: (options, signal) =>
      client.ensureComment({ ...options, body: redact(options.body) }, signal),
    updateComment: (id, options, signal) =>
      client.updateComment(id, { ...options, body: redact(options.body) }, signal),
    commitComment: (sha, options, signal) =>
      client.commitComment(sha, { ...options, body: redact(options.body) }, signal),
    ensureIssue: (options, signal) =>
      client.ensureIssue({ ...options, title: redact(options.title), body: redact(options.body) }, signal),
    ensureBranchCommit: (options, signal) =>
      client.ensureBranchCommit({ ...options, message: redact(options.message) }, signal),
    updateBranch: (branch, options, signal) =>
      client.updateBranch(branch, { ...options, message: redact(options.message) }, signal),
    commitFiles: ({ files, ...options }, signal) =>
      client.commitFiles(
        {
          ...options,
          message: redact(options.message),
          files: Array.isArray(files)
            ? files.map(report)
            : async (at) => (await files(at))?.map(report) ?? null,
        },
        signal,
      ),
    ensurePull: (options, signal) =>
      client.ensurePull({ ...options, title: redact(options.title), body: redact(options.body) }, signal),
    updatePull: (number, changes, signal) => client.updatePull(number, clean(changes), signal),
    mergePull: (number, options, signal) =>
      client.mergePull(number, { ...options, title: redact(options.title) }, signal),
    ensureCheckRun: (options, signal) => client.ensureCheckRun(clean(options), signal),
    updateCheckRun: (id, content, signal) => client.updateCheckRun(id, clean(content), signal),
  };
}

/** What the model is shown holds threads, reports and files: none of their secrets is its business. */
export function redactingModel(model: Model, redact: Redact): Model {
  return {
    name: model.name,
    structured: (request) =>
      model.structured({
        ...request,
        instructions: redact(request.instructions),
        input: request.input.map((message) => ({ ...message, text: redact(message.text) })),
      }),
  };
}
