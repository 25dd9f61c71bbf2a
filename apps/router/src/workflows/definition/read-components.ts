import { isObject, type Json, type JsonObject, pointerTo } from './json';
import { describe, isExpression, type Reader } from './reader';
import type {
  Authentication,
  DataFilter,
  ErrorDefinition,
  EventFilter,
  EventStrategy,
  OAuth2Client,
  RetryPolicy,
  Timeout,
} from './workflow';

/** `input` (`schema`, `from`), `output` and `export` (`schema`, `as`). */
export function readFilter(reader: Reader, value: Json | undefined, pointer: string, verb: 'from' | 'as'): DataFilter {
  if (value === undefined) return {};
  const filter = reader.object(value, pointer, verb === 'from' ? '`input`' : 'This filter', ['schema', verb]);
  if (!filter) return {};
  const transform = reader.structure(filter, verb, pointer);
  const schema = readSchema(reader, filter['schema'], pointerTo(pointer, 'schema'));
  return { ...(schema === undefined ? {} : { schema }), ...(transform === undefined ? {} : { transform }) };
}

function readSchema(reader: Reader, value: Json | undefined, pointer: string): Json | undefined {
  if (value === undefined) return undefined;
  const schema = reader.object(value, pointer, '`schema`', ['format', 'document', 'resource']);
  if (!schema) return undefined;
  if (schema['resource'] !== undefined) {
    const hint = 'Write the schema inline, under `document`';
    reader.fault('WF112', pointerTo(pointer, 'resource'), 'Schemas are not fetched from elsewhere', hint);
  } else if (schema['document'] === undefined) {
    reader.fault('WF101', pointer, '`schema` needs `document`');
  }
  const format = reader.text(schema, 'format', pointer) ?? 'json';
  if (!/^json(:|$)/.test(format))
    reader.fault(
      'WF112',
      pointerTo(pointer, 'format'),
      `Schemas of the format "${format}" are not supported, only json`,
    );
  return schema['document'];
}

/** A timeout in place, or the name of one in `use.timeouts`. */
export function readTimeout(reader: Reader, value: Json | undefined, pointer: string): Timeout | string | undefined {
  if (value === undefined || typeof value === 'string') return value;
  const timeout = reader.object(value, pointer, '`timeout`', ['after'], ['after']);
  if (timeout?.['after'] === undefined) return undefined;
  return { after: reader.duration(timeout['after'], pointerTo(pointer, 'after')) };
}

export function readError(reader: Reader, value: Json | undefined, pointer: string): ErrorDefinition {
  const known = ['type', 'status', 'title', 'detail', 'instance'];
  const error = reader.object(value, pointer, 'An error', known, ['type', 'status']);
  if (!error) return { type: '', status: 500 };
  const status = error['status'];
  const isStatus =
    typeof status === 'number' ? Number.isInteger(status) : typeof status === 'string' && isExpression(status);
  if (status !== undefined && !isStatus)
    reader.fault('WF101', pointerTo(pointer, 'status'), `\`status\` must be a whole number, not ${describe(status)}`);
  const type = reader.text(error, 'type', pointer) ?? '';
  if (type !== '' && !isExpression(type) && !/^[A-Za-z][A-Za-z0-9+\-.]*:/.test(type)) {
    const hint = 'For example https://serverlessworkflow.io/spec/1.0.0/errors/runtime';
    reader.fault('WF101', pointerTo(pointer, 'type'), `The type of an error must be a URI, not "${type}"`, hint);
  }
  const texts = (['title', 'detail', 'instance'] as const).map(
    (name) => [name, reader.text(error, name, pointer)] as const,
  );
  return {
    type,
    status: typeof status === 'number' || typeof status === 'string' ? status : 500,
    ...Object.fromEntries(texts.filter(([, text]) => text !== undefined)),
  };
}

const BACKOFFS = ['constant', 'linear', 'exponential'] as const;

export function readRetry(reader: Reader, value: Json | undefined, pointer: string): RetryPolicy {
  const known = ['when', 'exceptWhen', 'delay', 'backoff', 'limit', 'jitter'];
  const policy: RetryPolicy = { backoff: 'constant', limit: {} };
  const retry = reader.object(value, pointer, 'A retry policy', known);
  if (!retry) return policy;
  const when = reader.text(retry, 'when', pointer);
  const exceptWhen = reader.text(retry, 'exceptWhen', pointer);
  if (when !== undefined) policy.when = when;
  if (exceptWhen !== undefined) policy.exceptWhen = exceptWhen;
  if (retry['delay'] !== undefined) policy.delay = reader.duration(retry['delay'], pointerTo(pointer, 'delay'));
  if (retry['backoff'] !== undefined) {
    const at = pointerTo(pointer, 'backoff');
    const backoff = reader.object(retry['backoff'], at, '`backoff`', BACKOFFS);
    const chosen = BACKOFFS.filter((name) => backoff?.[name] !== undefined);
    if (backoff && chosen.length !== 1)
      reader.fault('WF101', at, `\`backoff\` needs exactly one of ${BACKOFFS.join(', ')}`);
    policy.backoff = chosen[0] ?? 'constant';
  }
  readRetryLimit(reader, retry, pointer, policy);
  if (retry['jitter'] !== undefined) {
    const at = pointerTo(pointer, 'jitter');
    const jitter = reader.object(retry['jitter'], at, '`jitter`', ['from', 'to'], ['from', 'to']);
    if (jitter?.['from'] !== undefined && jitter['to'] !== undefined) {
      const [from, to] = [pointerTo(at, 'from'), pointerTo(at, 'to')];
      policy.jitter = { from: reader.duration(jitter['from'], from), to: reader.duration(jitter['to'], to) };
    }
  }
  return policy;
}

function readRetryLimit(reader: Reader, retry: JsonObject, pointer: string, policy: RetryPolicy): void {
  if (retry['limit'] === undefined) return;
  const at = pointerTo(pointer, 'limit');
  const limit = reader.object(retry['limit'], at, '`limit`', ['attempt', 'duration']);
  if (!limit) return;
  if (limit['duration'] !== undefined)
    policy.limit.duration = reader.duration(limit['duration'], pointerTo(at, 'duration'));
  if (limit['attempt'] === undefined) return;
  const attemptAt = pointerTo(at, 'attempt');
  const attempt = reader.object(limit['attempt'], attemptAt, '`attempt`', ['count', 'duration']);
  if (!attempt) return;
  const count = reader.integer(attempt, 'count', attemptAt, 0);
  if (count !== undefined) policy.limit.attempts = count;
  if (attempt['duration'] !== undefined)
    policy.limit.attemptDuration = reader.duration(attempt['duration'], pointerTo(attemptAt, 'duration'));
}

/** Which events to take: `one`, `all` or `any` (with `until`). */
export function readStrategy(reader: Reader, value: Json | undefined, pointer: string, nested = false): EventStrategy {
  const none: EventStrategy = { kind: 'all', all: [] };
  const known = nested ? ['one', 'all', 'any'] : ['one', 'all', 'any', 'until'];
  const strategy = reader.object(value, pointer, 'An event strategy', known);
  if (!strategy) return none;
  const chosen = (['one', 'all', 'any'] as const).filter((name) => strategy[name] !== undefined);
  if (chosen.length !== 1) {
    reader.fault('WF101', pointer, 'An event strategy needs exactly one of one, all, any');
    return none;
  }
  const kind = chosen[0] ?? 'all';
  const at = pointerTo(pointer, kind);
  if (kind !== 'any' && strategy['until'] !== undefined)
    reader.fault('WF101', pointerTo(pointer, 'until'), '`until` goes with `any` alone');
  if (kind === 'one') return { kind, one: readEventFilter(reader, strategy['one'], at) };
  const filters = reader
    .list(strategy[kind], at, `\`${kind}\``)
    .map((filter, index) => readEventFilter(reader, filter, pointerTo(at, index)));
  if (kind === 'all') return { kind, all: filters };
  const until = strategy['until'];
  if (until === undefined) return { kind, any: filters };
  if (typeof until === 'string') return { kind, any: filters, until };
  return { kind, any: filters, until: readStrategy(reader, until, pointerTo(pointer, 'until'), true) };
}

function readEventFilter(reader: Reader, value: Json | undefined, pointer: string): EventFilter {
  const filter = reader.object(value, pointer, 'An event filter', ['with', 'correlate'], ['with']);
  if (!filter) return { with: {}, correlate: {} };
  const withAt = pointerTo(pointer, 'with');
  const attributes = filter['with'] === undefined ? {} : (reader.object(filter['with'], withAt, '`with`') ?? {});
  if (isObject(filter['with']) && Object.keys(filter['with']).length === 0)
    reader.fault('WF101', withAt, '`with` needs at least one attribute');
  return {
    with: attributes,
    correlate: readCorrelations(reader, filter['correlate'], pointerTo(pointer, 'correlate')),
  };
}

function readCorrelations(reader: Reader, value: Json | undefined, pointer: string): EventFilter['correlate'] {
  if (value === undefined) return {};
  const correlations = Object.entries(reader.object(value, pointer, '`correlate`') ?? {}).map(([name, entry]) => {
    const at = pointerTo(pointer, name);
    const correlation = reader.object(entry, at, 'A correlation', ['from', 'expect'], ['from']) ?? {};
    const expect = reader.text(correlation, 'expect', at);
    return [
      name,
      { from: reader.text(correlation, 'from', at) ?? '.', ...(expect === undefined ? {} : { expect }) },
    ] as const;
  });
  return Object.fromEntries(correlations);
}

const SCHEMES = ['use', 'basic', 'bearer', 'oauth2', 'digest', 'oidc'] as const;

/** How a request proves who it is. Undefined with a fault when it is no scheme that is supported. */
export function readAuthentication(
  reader: Reader,
  value: Json | undefined,
  pointer: string,
): Authentication | undefined {
  const authentication = reader.object(value, pointer, '`authentication`', SCHEMES);
  if (!authentication) return undefined;
  const chosen = SCHEMES.filter((scheme) => authentication[scheme] !== undefined);
  const scheme = chosen[0];
  if (chosen.length !== 1 || scheme === undefined) {
    reader.fault('WF101', pointer, `\`authentication\` needs exactly one of ${SCHEMES.slice(0, 4).join(', ')}`);
    return undefined;
  }
  const at = pointerTo(pointer, scheme);
  if (scheme === 'use') return { kind: 'reference', use: reader.text(authentication, 'use', pointer) ?? '' };
  if (scheme === 'digest' || scheme === 'oidc') {
    reader.fault(
      'WF112',
      at,
      `The authentication scheme \`${scheme}\` is not supported`,
      'Use basic, bearer or oauth2',
    );
    return undefined;
  }
  const given = authentication[scheme];
  if (isObject(given) && given['use'] !== undefined) {
    reader.object(given, at, `\`${scheme}\``, ['use']);
    const secret = { use: reader.text(given, 'use', at) ?? '' };
    if (scheme === 'basic') return { kind: scheme, basic: secret };
    return scheme === 'bearer' ? { kind: scheme, bearer: secret } : { kind: scheme, oauth2: secret };
  }
  if (scheme === 'basic') {
    const basic = reader.object(given, at, '`basic`', ['username', 'password'], ['username', 'password']) ?? {};
    const [username, password] = [reader.text(basic, 'username', at) ?? '', reader.text(basic, 'password', at) ?? ''];
    return { kind: 'basic', basic: { username, password } };
  }
  if (scheme === 'bearer') {
    const bearer = reader.object(given, at, '`bearer`', ['token'], ['token']) ?? {};
    return { kind: 'bearer', bearer: { token: reader.text(bearer, 'token', at) ?? '' } };
  }
  return { kind: 'oauth2', oauth2: readOAuth2(reader, given, at) };
}

const OAUTH2_PROPERTIES = [
  'endpoints',
  'authority',
  'grant',
  'client',
  'request',
  'issuers',
  'scopes',
  'audiences',
  'username',
  'password',
  'subject',
  'actor',
];

function readOAuth2(reader: Reader, value: Json | undefined, pointer: string): OAuth2Client {
  const oauth2 = reader.object(value, pointer, '`oauth2`', OAUTH2_PROPERTIES, ['authority', 'grant', 'client']) ?? {};
  const grant = oauth2['grant'];
  if (grant !== undefined && grant !== 'client_credentials') {
    const at = pointerTo(pointer, 'grant');
    reader.fault('WF112', at, `The grant ${describe(grant)} is not supported, only client_credentials`);
  }
  const clientAt = pointerTo(pointer, 'client');
  const clientValue = oauth2['client'] ?? {};
  const known = ['id', 'secret', 'assertion', 'authentication'];
  const client =
    reader.object(clientValue, clientAt, '`client`', known, oauth2['client'] === undefined ? [] : ['id', 'secret']) ??
    {};
  const methods = ['client_secret_basic', 'client_secret_post'] as const;
  const endpointsAt = pointerTo(pointer, 'endpoints');
  const endpoints =
    oauth2['endpoints'] === undefined ? {} : (reader.object(oauth2['endpoints'], endpointsAt, '`endpoints`') ?? {});
  const requestAt = pointerTo(pointer, 'request');
  const request =
    oauth2['request'] === undefined ? {} : (reader.object(oauth2['request'], requestAt, '`request`') ?? {});
  const encodings = ['application/x-www-form-urlencoded', 'application/json'] as const;
  return {
    authority: reader.text(oauth2, 'authority', pointer) ?? '',
    tokenPath: reader.text(endpoints, 'token', endpointsAt) ?? '/oauth2/token',
    client: {
      id: reader.text(client, 'id', clientAt) ?? '',
      secret: reader.text(client, 'secret', clientAt) ?? '',
      authentication: reader.choice(client, 'authentication', clientAt, methods, 'client_secret_post'),
    },
    encoding: reader.choice(request, 'encoding', requestAt, encodings, encodings[0]),
    scopes: reader.texts(oauth2, 'scopes', pointer),
    audiences: reader.texts(oauth2, 'audiences', pointer),
  };
}
