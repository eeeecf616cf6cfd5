import type { Comment, Issue, Pull, PullFile, TreeEntry } from '../github/types.ts';
import { cleanText } from './clean-text.ts';
import { importantFirst } from './context-diff.ts';
import { treeListing } from './context-files.ts';
import { clipToTokens, estimateTokens } from './context-tokens.ts';
import { MAX_ASK_BYTES } from './next-ask.ts';
import type { ContextPart, ContextRequest, PlanContext } from './plan-context.ts';

export interface FileText {
  path: string;
  /** null: not text. */
  text: string | null;
}

export interface Change {
  pull: Pull;
  diff: { text: string; truncated: boolean };
  /** Only where GitHub shows no diff. */
  files: readonly PullFile[];
}

/** Everything that was read, before it is cleaned and clipped. */
export interface Material {
  request: ContextRequest;
  commit: string;
  entries: readonly TreeEntry[];
  thread: Pick<Issue, 'title' | 'body' | 'login' | 'createdAt'>;
  /** Oldest first, without the ask. */
  comments: readonly Comment[];
  /** Logins known to have write permission. */
  writers: ReadonlySet<string>;
  /** null: the thread is no pull request. */
  change: Change | null;
  files: readonly FileText[];
  reports: readonly FileText[];
  notices: readonly string[];
}

/**
 * The largest share of all tokens that one kind may take, so that none crowds out the rest. The ask comes
 * first and whole; the files get what is left, 15 % and more.
 */
const SHARE = {
  ask: 1,
  previous: 0.1,
  place: 0.03,
  thread: 0.1,
  comments: 0.12,
  diff: 0.25,
  tree: 0.05,
  reports: 0.05,
  files: 1,
};
const REPORT_BYTES = 4096;
const OWN_COMMENT_BYTES = 2048;
/** What the lines around a part take. */
const FENCE_TOKENS = 40;

/** Cleans and clips what was read into at most `settings.context.maxTokens`, most important first. */
export function assembleContext(material: Material): PlanContext {
  const { request } = material;
  const total = request.settings.context.maxTokens;
  const notices = [...material.notices];
  const parts: ContextPart[] = [];
  let left = total;

  /** Adds what fits into a share of all and into what is left. */
  const add = (list: readonly ContextPart[], share: number) => {
    let room = Math.min(left, Math.floor(total * share));
    for (const [index, part] of list.entries()) {
      if (room <= FENCE_TOKENS) {
        notices.push(`${part.kind}: ${list.length - index} left out, no room`);
        return;
      }
      const clipped = clipToTokens(part.text, room - FENCE_TOKENS);
      if (clipped.clipped) notices.push(`${part.kind} ${part.label}: clipped, its end is missing`);
      const tokens = estimateTokens(clipped.text) + FENCE_TOKENS;
      room -= tokens;
      left -= tokens;
      parts.push({ ...part, text: clipped.text });
    }
  };

  add(askParts(material), SHARE.ask);
  add(previousParts(material), SHARE.previous);
  add(placeParts(material), SHARE.place);
  add(threadParts(material), SHARE.thread);
  add(commentParts(material), SHARE.comments);
  add(diffParts(material, notices), SHARE.diff);
  add(treeParts(material), SHARE.tree);
  add(reportParts(material, notices), SHARE.reports);
  add(fileParts(material, notices), SHARE.files);

  return {
    repository: request.repository,
    commit: material.commit,
    language: request.ask.language,
    thread: { number: request.ask.thread, pull: request.ask.onPull },
    defaults: request.settings.defaults,
    runners: request.runners,
    parts,
    notices,
    paths: new Set(material.entries.filter((entry) => entry.type === 'blob').map((entry) => entry.path)),
    tokens: total - left,
  };
}

function askParts({ request: { ask } }: Material): ContextPart[] {
  return [
    {
      kind: 'ask',
      label: 'the request',
      login: ask.login,
      trusted: true,
      text: cleanText(ask.text, MAX_ASK_BYTES).text,
    },
  ];
}

function previousParts({ request, writers }: Material): ContextPart[] {
  const { previous } = request.ask;
  if (!previous) return [];
  const plan: ContextPart = {
    kind: 'previous_plan',
    label: 'to be replaced',
    trusted: false,
    // Perhaps a stranger's: a job PR can be written by anybody.
    text: cleanText(previous.plan, Number.POSITIVE_INFINITY).text,
  };
  const objections = previous.objections.map(
    ({ login, text }): ContextPart => ({
      kind: 'objection',
      label: 'to the previous plan',
      login,
      trusted: writers.has(login),
      text: cleanText(text).text,
    }),
  );
  return [...objections.reverse(), plan];
}

function placeParts({ request }: Material): ContextPart[] {
  const { place } = request.ask;
  if (!place) return [];
  const label = place.line === null ? place.path : `${place.path}:${place.line}`;
  return [{ kind: 'place', label, trusted: false, text: cleanText(place.hunk).text }];
}

function threadParts({ thread, change, writers }: Material): ContextPart[] {
  const title = cleanText(thread.title).text.replace(/\s+/g, ' ');
  return [
    {
      kind: 'thread',
      label: thread.createdAt,
      login: thread.login,
      trusted: writers.has(thread.login),
      text: `${change ? branches(change.pull) : ''}# ${title}\n\n${cleanText(thread.body).text}`,
    },
  ];
}

function branches(pull: Pull): string {
  const state = pull.merged ? 'merged' : pull.state;
  return `Pull request from ${pull.headRef} (${pull.headSha}) into ${pull.baseRef}, ${state}.\n`;
}

function commentParts({ comments, writers }: Material): ContextPart[] {
  return comments
    .map(
      (comment): ContextPart => ({
        kind: 'comment',
        label: comment.ours ? `${comment.createdAt}, by this app` : comment.createdAt,
        login: comment.login,
        trusted: !comment.ours && writers.has(comment.login),
        text: cleanText(comment.body, comment.ours ? OWN_COMMENT_BYTES : undefined).text,
      }),
    )
    .filter((part) => part.text !== '')
    .reverse();
}

function diffParts({ change }: Material, notices: string[]): ContextPart[] {
  if (!change) return [];
  const { diff, files } = change;
  if (diff.text !== '') {
    if (diff.truncated) notices.push('diff: its end is missing');
    const text = cleanText(importantFirst(diff.text), Number.POSITIVE_INFINITY).text;
    return [{ kind: 'diff', label: 'of the pull request', trusted: false, text }];
  }
  if (files.length === 0) return [];
  const text = cleanText(files.map((file) => `${file.status} ${file.path}`).join('\n')).text;
  return [{ kind: 'changed_files', label: 'the diff itself is too large', trusted: false, text }];
}

function treeParts({ entries }: Material): ContextPart[] {
  const listing = treeListing(entries);
  if (listing.shown === 0) return [];
  return [
    { kind: 'tree', label: `${listing.shown} of ${listing.all} entries`, trusted: true, text: listing.text },
  ];
}

/** On the default branch, but what they hold came out of commands: anybody may have written it. */
function reportParts({ reports }: Material, notices: string[]): ContextPart[] {
  return readable(reports, notices).map(({ path, text }) => ({
    kind: 'report',
    label: path,
    trusted: false,
    text: cleanText(text, REPORT_BYTES).text,
  }));
}

function fileParts({ files }: Material, notices: string[]): ContextPart[] {
  return readable(files, notices).map(({ path, text }) => ({
    kind: 'file',
    label: path,
    trusted: !path.startsWith('reports/'),
    text: cleanText(text, Number.POSITIVE_INFINITY).text,
  }));
}

function readable(files: readonly FileText[], notices: string[]): { path: string; text: string }[] {
  return files.flatMap(({ path, text }) => {
    if (text !== null) return [{ path, text }];
    notices.push(`${path}: left out, not text`);
    return [];
  });
}
