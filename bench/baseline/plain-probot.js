// What one writes first: everything inside the handler, with the Octokit that Probot gives to it.
import { createServer } from 'node:http';
import { createNodeMiddleware, Probot } from 'probot';

const { APP_ID, PRIVATE_KEY, WEBHOOK_SECRET, GITHUB_API_URL, MODEL_URL } = process.env;

async function onComment(context) {
  const { comment, issue, repository } = context.payload;
  if (context.isBot || !comment.body.startsWith('/ask')) return;
  const { octokit } = context;
  const repo = context.repo();
  const permission = await octokit.rest.repos.getCollaboratorPermissionLevel({
    ...repo,
    username: comment.user.login,
  });
  if (!['admin', 'write'].includes(permission.data.permission)) return;

  await octokit.rest.reactions.createForIssueComment({ ...repo, comment_id: comment.id, content: 'eyes' });
  const status = await octokit.rest.issues.createComment({ ...context.issue(), body: 'planning' });
  const job = await plan(comment.body);
  const base = await octokit.rest.git.getRef({ ...repo, ref: `heads/${repository.default_branch}` });
  const branch = `job-${comment.id}`;
  await octokit.rest.git.createRef({ ...repo, ref: `refs/heads/${branch}`, sha: base.data.object.sha });
  const file = await octokit.rest.repos.createOrUpdateFileContents({
    ...repo,
    branch,
    path: `plain/${branch}.json`,
    message: `Propose ${branch}`,
    content: Buffer.from(job).toString('base64'),
  });
  const pull = await octokit.rest.pulls.create({
    ...repo,
    title: `Job for #${issue.number}`,
    head: branch,
    base: repository.default_branch,
    body: job,
  });
  await octokit.rest.checks.create({
    ...repo,
    name: 'validate',
    head_sha: file.data.commit.sha,
    status: 'completed',
    conclusion: 'success',
  });
  await octokit.rest.issues.updateComment({
    ...repo,
    comment_id: status.data.id,
    body: `see #${pull.data.number}`,
  });
}

async function plan(input) {
  const reply = await fetch(`${MODEL_URL}/responses`, {
    method: 'POST',
    headers: { authorization: 'Bearer bench', 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'gpt-5', input }),
  });
  return JSON.stringify(await reply.json());
}

const probot = new Probot({
  appId: Number(APP_ID),
  privateKey: PRIVATE_KEY,
  secret: WEBHOOK_SECRET,
  baseUrl: GITHUB_API_URL,
});
const middleware = await createNodeMiddleware((app) => app.on('issue_comment.created', onComment), {
  probot,
});
const server = createServer((request, response) => middleware(request, response));
server.listen(0, '127.0.0.1', () =>
  console.log(`http://127.0.0.1:${server.address().port}/api/github/webhooks`),
);
