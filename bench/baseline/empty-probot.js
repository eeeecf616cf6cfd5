// An empty Probot: the handler does nothing. Plain JavaScript, so that it pays nothing for TypeScript.
import { createServer } from 'node:http';
import { createNodeMiddleware, Probot } from 'probot';

const { APP_ID, PRIVATE_KEY, WEBHOOK_SECRET } = process.env;
const probot = new Probot({ appId: Number(APP_ID), privateKey: PRIVATE_KEY, secret: WEBHOOK_SECRET });
const middleware = await createNodeMiddleware((app) => app.on('issue_comment.created', async () => {}), {
  probot,
});
const server = createServer((request, response) => middleware(request, response));
server.listen(0, '127.0.0.1', () =>
  console.log(`http://127.0.0.1:${server.address().port}/api/github/webhooks`),
);
