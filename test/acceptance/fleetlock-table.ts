/** What FleetLock answers, as data: each row is one request of curl and what comes back. */
export interface FleetLockRow {
  readonly what: string;
  /** `POST /v1/pre-reboot` unless said otherwise. */
  readonly method?: string;
  readonly path?: string;
  /** Without one, no header of the protocol is sent. */
  readonly protocol?: string | undefined;
  readonly headers?: readonly string[];
  /** `id@group`, or a body as it is. */
  readonly host?: string;
  readonly body?: string;
  /** Further words for curl. */
  readonly curl?: readonly string[];
  readonly status: number;
  /** `ok` is an empty body. */
  readonly kind: string;
  /** What must be among the headers of the answer. */
  readonly answers?: RegExp;
}

export const token = 'correct-horse';

const pre = '/v1/pre-reboot';
const steady = '/v1/steady-state';
const body = (params: unknown): string => JSON.stringify({ client_params: params });
const long = 'x'.repeat(300);

/** In order, over groups `web` and `db` with one slot each, and `vault` whose token is above; nobody holds anything at first. */
export const fleetLockTable: readonly FleetLockRow[] = [
  // The two calls.
  { what: 'an unknown host in steady state', path: steady, host: 'a@web', status: 200, kind: 'ok' },
  { what: 'the first one asks', path: pre, host: 'a@web', status: 200, kind: 'ok' },
  { what: 'it asks again', path: pre, host: 'a@web', status: 200, kind: 'ok' },
  {
    what: 'a second one',
    path: pre,
    host: 'b@web',
    status: 423,
    kind: 'failed_lock_semaphore_full',
  },
  {
    what: 'an id differs by its case',
    path: pre,
    host: 'A@web',
    status: 423,
    kind: 'failed_lock_semaphore_full',
  },
  { what: 'another group has a slot of its own', path: pre, host: 'd@db', status: 200, kind: 'ok' },
  {
    what: 'the holder asks for another group',
    path: pre,
    host: 'a@db',
    status: 409,
    kind: 'held_in_other_group',
  },
  {
    what: 'steady-state of one that holds nothing',
    path: steady,
    host: 'b@web',
    status: 200,
    kind: 'ok',
  },
  {
    what: 'which took nothing from the holder',
    path: pre,
    host: 'c@web',
    status: 423,
    kind: 'failed_lock_semaphore_full',
  },
  { what: 'steady-state of the holder', path: steady, host: 'a@web', status: 200, kind: 'ok' },
  { what: 'and again', path: steady, host: 'a@web', status: 200, kind: 'ok' },
  { what: 'so the next one has it', path: pre, host: 'b@web', status: 200, kind: 'ok' },
  { what: 'and gives it back', path: steady, host: 'b@web', status: 200, kind: 'ok' },
  {
    what: 'a group that nobody declared',
    path: pre,
    host: 'a@wbe',
    status: 400,
    kind: 'unknown_group',
  },
  { what: 'nor for steady-state', path: steady, host: 'a@wbe', status: 400, kind: 'unknown_group' },
  // Paths.
  { what: 'a slash too many', path: '//v1/steady-state', host: 'a@web', status: 200, kind: 'ok' },
  { what: 'many slashes', path: '///v1////steady-state', host: 'a@web', status: 200, kind: 'ok' },
  { what: 'a query is nothing', path: `${steady}?x=1`, host: 'a@web', status: 200, kind: 'ok' },
  { what: 'the root', path: '/', host: 'a@web', status: 404, kind: 'not_found' },
  { what: 'no version', path: '/pre-reboot', host: 'a@web', status: 404, kind: 'not_found' },
  {
    what: 'another version',
    path: '/v2/pre-reboot',
    host: 'a@web',
    status: 404,
    kind: 'not_found',
  },
  {
    what: 'a slash at the end is another path, and no redirect',
    path: `${pre}/`,
    host: 'a@web',
    status: 404,
    kind: 'not_found',
  },
  {
    what: 'a path is not lower-cased',
    path: '/V1/Pre-Reboot',
    host: 'a@web',
    status: 404,
    kind: 'not_found',
  },
  // Methods.
  {
    what: 'GET',
    method: 'GET',
    path: pre,
    status: 405,
    kind: 'method_not_allowed',
    answers: /^allow: POST\r$/im,
  },
  { what: 'PUT', method: 'PUT', path: pre, host: 'a@web', status: 405, kind: 'method_not_allowed' },
  {
    what: 'DELETE',
    method: 'DELETE',
    path: steady,
    host: 'a@web',
    status: 405,
    kind: 'method_not_allowed',
  },
  { what: 'OPTIONS', method: 'OPTIONS', path: pre, status: 405, kind: 'method_not_allowed' },
  {
    what: 'a wrong path goes before a wrong method',
    method: 'GET',
    path: '/v1',
    status: 404,
    kind: 'not_found',
  },
  // The header.
  {
    what: 'no header',
    protocol: undefined,
    path: pre,
    host: 'a@web',
    status: 400,
    kind: 'missing_header',
  },
  {
    what: 'a header that is false',
    protocol: 'false',
    path: pre,
    host: 'a@web',
    status: 400,
    kind: 'missing_header',
  },
  {
    what: 'a header that is 1',
    protocol: '1',
    path: pre,
    host: 'a@web',
    status: 400,
    kind: 'missing_header',
  },
  {
    what: 'a header that is TRUE',
    protocol: 'TRUE',
    path: pre,
    host: 'a@web',
    status: 400,
    kind: 'missing_header',
  },
  {
    what: 'a header twice',
    protocol: 'true',
    headers: ['fleet-lock-protocol: true'],
    path: pre,
    host: 'a@web',
    status: 400,
    kind: 'missing_header',
  },
  // Content types.
  {
    what: 'no content type, as the first client has it',
    headers: ['content-type:'],
    path: steady,
    host: 'a@web',
    status: 200,
    kind: 'ok',
  },
  {
    what: 'JSON',
    headers: ['content-type: application/json'],
    path: steady,
    host: 'a@web',
    status: 200,
    kind: 'ok',
  },
  {
    what: 'text',
    headers: ['content-type: text/plain'],
    path: steady,
    host: 'a@web',
    status: 200,
    kind: 'ok',
  },
  {
    what: 'chunks',
    headers: ['transfer-encoding: chunked'],
    path: steady,
    host: 'a@web',
    status: 200,
    kind: 'ok',
  },
  // Bodies.
  { what: 'none', path: pre, body: '', status: 400, kind: 'malformed_json' },
  { what: 'no JSON', path: pre, body: 'id=a&group=web', status: 400, kind: 'malformed_json' },
  {
    what: 'half of it',
    path: pre,
    body: '{"client_params":{"id":"a"',
    status: 400,
    kind: 'malformed_json',
  },
  {
    what: 'two documents',
    path: pre,
    body: `${body({ id: 'a', group: 'web' })}{}`,
    status: 400,
    kind: 'malformed_json',
  },
  { what: 'an array', path: pre, body: '[]', status: 400, kind: 'not_an_object' },
  { what: 'null', path: pre, body: 'null', status: 400, kind: 'not_an_object' },
  { what: 'a text', path: pre, body: '"a"', status: 400, kind: 'not_an_object' },
  { what: 'an empty object', path: pre, body: '{}', status: 400, kind: 'missing_client_params' },
  {
    what: 'params that are text',
    path: pre,
    body: body('a'),
    status: 400,
    kind: 'missing_client_params',
  },
  {
    what: 'params that are a list',
    path: pre,
    body: body(['a', 'web']),
    status: 400,
    kind: 'missing_client_params',
  },
  { what: 'no id', path: pre, body: body({ group: 'web' }), status: 400, kind: 'bad_id' },
  { what: 'an empty id', path: pre, host: '@web', status: 400, kind: 'bad_id' },
  { what: 'an id of blanks', path: pre, host: '  @web', status: 400, kind: 'bad_id' },
  {
    what: 'an id that is a number',
    path: pre,
    body: body({ id: 7, group: 'web' }),
    status: 400,
    kind: 'bad_id',
  },
  { what: 'an id that is too long', path: pre, host: `${long}@web`, status: 400, kind: 'bad_id' },
  {
    what: 'half a character as an id',
    path: pre,
    body: '{"client_params":{"id":"\\ud800","group":"web"}}',
    status: 400,
    kind: 'bad_id',
  },
  { what: 'no group', path: pre, body: body({ id: 'a' }), status: 400, kind: 'bad_group' },
  { what: 'an empty group', path: pre, host: 'a@', status: 400, kind: 'bad_group' },
  { what: 'a group with a slash', path: pre, host: 'a@web/1', status: 400, kind: 'bad_group' },
  {
    what: 'a group with an underscore',
    path: pre,
    host: 'a@web_1',
    status: 400,
    kind: 'bad_group',
  },
  {
    what: 'a group with a line feed behind',
    path: pre,
    host: 'a@web\n',
    status: 400,
    kind: 'bad_group',
  },
  {
    what: 'a group that is null',
    path: pre,
    body: body({ id: 'a', group: null }),
    status: 400,
    kind: 'bad_group',
  },
  {
    what: 'fields that nobody knows are left alone',
    path: steady,
    body: JSON.stringify({ more: 1, client_params: { id: 'a', group: 'web', more: 1 } }),
    status: 200,
    kind: 'ok',
  },
  { what: 'an id of any text', path: steady, host: 'höst/1 "x" %2F@web', status: 200, kind: 'ok' },
  {
    what: 'as pretty as the first client prints it',
    path: steady,
    body: JSON.stringify({ client_params: { id: 'a', group: 'web' } }, undefined, 2),
    status: 200,
    kind: 'ok',
  },
  {
    what: 'a body of 64 KiB',
    path: steady,
    body: body({ id: 'a', group: 'web' }).padEnd(65_536),
    status: 200,
    kind: 'ok',
  },
  {
    what: 'one byte more',
    path: steady,
    body: body({ id: 'a', group: 'web' }).padEnd(65_537),
    status: 413,
    kind: 'body_too_large',
  },
  {
    what: 'much more, in chunks',
    headers: ['transfer-encoding: chunked'],
    path: steady,
    body: 'x'.repeat(400_000),
    status: 413,
    kind: 'body_too_large',
  },
  // Tokens.
  {
    what: 'no token',
    path: pre,
    host: 'v@vault',
    status: 401,
    kind: 'unauthorized',
    answers: /^www-authenticate: Bearer/im,
  },
  {
    what: 'a wrong token',
    headers: ['authorization: Bearer wrong'],
    path: pre,
    host: 'v@vault',
    status: 403,
    kind: 'wrong_token',
  },
  {
    what: 'an empty token',
    headers: ['authorization: Bearer '],
    path: pre,
    host: 'v@vault',
    status: 401,
    kind: 'unauthorized',
  },
  {
    what: 'another scheme',
    headers: [`authorization: Digest ${token}`],
    path: pre,
    host: 'v@vault',
    status: 401,
    kind: 'unauthorized',
  },
  {
    what: 'the token',
    headers: [`authorization: Bearer ${token}`],
    path: pre,
    host: 'v@vault',
    status: 200,
    kind: 'ok',
  },
  {
    what: 'no token for steady-state either',
    path: steady,
    host: 'v@vault',
    status: 401,
    kind: 'unauthorized',
  },
  {
    what: 'as the password of a URL',
    curl: ['--user', `any:${token}`],
    path: steady,
    host: 'v@vault',
    status: 200,
    kind: 'ok',
  },
  {
    what: 'a group without one does not look',
    headers: ['authorization: Bearer wrong'],
    path: steady,
    host: 'a@web',
    status: 200,
    kind: 'ok',
  },
];

/** The words for curl that make the request of a row, but for the server. */
export function curlWords(row: FleetLockRow, base: string): string[] {
  const { method = 'POST', path = pre, headers = [], host, curl = [] } = row;
  const protocol = 'protocol' in row ? row.protocol : 'true';
  const sent = row.body ?? (host === undefined ? undefined : body(paramsOf(host)));
  return [
    ...['--silent', '--include', '--path-as-is', '--max-time', '20', '--request', method],
    ...(protocol === undefined ? [] : ['--header', `fleet-lock-protocol: ${protocol}`]),
    ...headers.flatMap((header) => ['--header', header]),
    ...(sent === undefined ? [] : ['--data-binary', '@-']),
    ...curl,
    `${base}${path}`,
  ];
}

export function sentBody({ body: given, host }: FleetLockRow): string {
  return given ?? (host === undefined ? '' : body(paramsOf(host)));
}

function paramsOf(host: string): { readonly id: string; readonly group: string } {
  const at = host.lastIndexOf('@');
  return { id: host.slice(0, at), group: host.slice(at + 1) };
}
