// An OpenID provider on 127.0.0.1 for the system tests. It is the certified npm package `oidc-provider`.
//
//     node provider.mjs --secret SECRET [--port PORT] [--cert FILE --key FILE] [--redirect-uri URI]
//
// Without a certificate, it uses plain HTTP. The client `web` accepts only the redirect URI of `--redirect-uri`. It writes
// one JSON object a line to standard output: first its `issuer`, then the `name` and `value` of each confidential value
// that it issues or receives. It exits once standard input ends.

import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';

import Provider from 'oidc-provider';

const { values: options } = parseArgs({
  options: {
    port: { type: 'string', default: '0' },
    secret: { type: 'string' },
    cert: { type: 'string' },
    key: { type: 'string' },
    'redirect-uri': { type: 'string' },
  },
});

const write = (line) => process.stdout.write(`${JSON.stringify(line)}\n`);
// `oidc-provider` prints notices there, such as one about its default error page.
console.info = console.error;

const CONFIDENTIAL = ['code', 'code_verifier', 'client_secret', 'access_token', 'refresh_token', 'id_token'];

/** Report the confidential values of an object. */
function report(values) {
  for (const name of CONFIDENTIAL) {
    if (values?.[name]) write({ name, value: values[name] });
  }
}

/** How long the redirect of the client `expired` takes, in milliseconds. Its codes are valid for 1 second. */
const LATE = 2200;

const client = (client_id, token_endpoint_auth_method = 'none', more = {}) => ({
  client_id,
  token_endpoint_auth_method,
  // The redirect URI of a native application can have any port.
  application_type: 'native',
  redirect_uris: ['http://127.0.0.1/callback'],
  grant_types: ['authorization_code', 'refresh_token'],
  response_types: ['code'],
  ...(token_endpoint_auth_method === 'none' ? {} : { client_secret: options.secret }),
  ...more,
});

const configuration = {
  clients: [
    client('public'),
    client('basic', 'client_secret_basic'),
    client('post', 'client_secret_post'),
    client('form-post', 'none', { response_modes: ['form_post'] }),
    client('expired'),
    client('iss-missing'),
    client('iss-wrong'),
    client('down'),
    ...(options['redirect-uri']
      ? [client('web', 'none', { application_type: 'web', redirect_uris: [options['redirect-uri']] })]
      : []),
  ],
  claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
  // Also put the claims of the scope into the ID token.
  conformIdTokenClaims: false,
  cookies: { keys: ['the cookies of a test'] },
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({ sub: id, email: `${id}@example.org`, email_verified: true, name: id }),
  }),
  ttl: {
    AccessToken: 3600,
    AuthorizationCode: (_, __, { clientId }) => (clientId === 'expired' ? 1 : 60),
    Grant: 3600,
    IdToken: 3600,
    Interaction: 600,
    RefreshToken: 3600,
    Session: 3600,
  },
};

/** Answers of a token endpoint at `/spoiled/NAME`. All of them repeat the request where they can. */
const SPOILED = {
  garbage(response, sent) {
    response.setHeader('content-type', 'application/json');
    response.end(Buffer.concat([randomBytes(1000), Buffer.from(sent), randomBytes(1000)]));
  },
  huge(response, sent) {
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ token_type: 'Bearer', sent, access_token: 'x'.repeat(10 << 20) }));
  },
  empty(response) {
    response.end();
  },
  closed(response) {
    response.socket.destroy();
  },
  html(response, sent) {
    response.setHeader('content-type', 'text/html; charset=utf-8');
    response.end(`<!doctype html><title>Log in to the network</title><p>${sent}`);
  },
  redirect(response, sent) {
    response.writeHead(307, { location: `${issuer}/token?${sent}` }).end();
  },
  echo(response, sent) {
    const { code, code_verifier } = Object.fromEntries(new URLSearchParams(sent));
    response.writeHead(400, { 'content-type': 'application/json', 'x-sent': sent });
    response.end(JSON.stringify({ error: code, error_description: sent, scope: code_verifier, [code]: sent }));
  },
};

async function spoil(request, response) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const sent = Buffer.concat(chunks).toString();
  report(Object.fromEntries(new URLSearchParams(sent)));
  SPOILED[request.url.slice('/spoiled/'.length)](response, sent);
}

const server = options.cert
  ? https.createServer({ cert: readFileSync(options.cert), key: readFileSync(options.key) })
  : http.createServer();
await new Promise((resolve) => { server.listen(Number(options.port), '127.0.0.1', resolve); });
const issuer = `http${options.cert ? 's' : ''}://127.0.0.1:${server.address().port}`;
const provider = new Provider(issuer, configuration);

provider.on('authorization.success', (ctx, out) => {
  report(out);
  if (ctx.oidc.client.clientId === 'iss-missing') delete out.iss;
  if (ctx.oidc.client.clientId === 'iss-wrong') out.iss = `${issuer}/other`;
  ctx.state.hasCode = true;
});
for (const event of ['grant.success', 'grant.error']) {
  provider.on(event, (ctx) => {
    report(ctx.oidc.body);
    report(ctx.body);
  });
}
provider.on('server_error', (_, error) => console.error(error));

provider.use(async (ctx, next) => {
  await next();
  // The pages for development load a font from another host.
  if (typeof ctx.body === 'string') ctx.body = ctx.body.replace(/@import url\([^)]*\);/, '');
  const id = ctx.state.hasCode && ctx.oidc.client.clientId;
  if (id === 'expired') await sleep(LATE);
  if (id === 'down') {
    // From here on, there are no new connections.
    ctx.set('connection', 'close');
    server.close();
  }
});

const answer = provider.callback();
server.on('request', (request, response) => {
  if (Object.hasOwn(SPOILED, request.url.replace('/spoiled/', ''))) spoil(request, response);
  else answer(request, response);
});
process.stdin.on('end', () => process.exit()).resume();
write({ issuer });
