import { AppError, applyEdits, membersOf, readRpc, removeMembers, setMember, type RpcText } from '@mcp-router/shared';
import type { LegacyCall } from '../routing/call';
import { edited } from './envelope';
import { resultField, toLegacy } from './results';
import type { Cancellation } from '../upstreams/cancellation';

/** How often a server may come back with more questions; the SDKs stop at 8 to 10. */
const MAX_ROUNDS = 10;
/** Pause before a server that asks nothing is asked again. */
const PACE_MS = 250;

/**
 * Carries a call of a legacy client through a modern server: questions that the server puts into `input_required` are
 * sent to the client as requests, and the call is repeated with what it answers.
 *
 * @param send sends one round to the server
 * @throws AppError `upstream_error` when the rounds do not end
 */
export async function answerQuestions(
  call: LegacyCall,
  message: RpcText,
  send: (message: RpcText) => Promise<string>,
): Promise<string> {
  let round = message;
  for (let i = 0; i < MAX_ROUNDS; i++) {
    const response = await send(round);
    if (resultField(response, 'resultType') !== '"input_required"') return toLegacy(response, call.method);
    const requests = resultField(response, 'inputRequests');
    const state = resultField(response, 'requestState');
    const asked = requests === undefined ? [] : membersOf(requests);
    if (asked.length === 0) await pause(PACE_MS, call.signal);
    const answers = await Promise.all(
      asked.map(async ({ key, start, end }) => {
        const answer = await askClient(call, (requests as string).slice(start, end));
        return `${JSON.stringify(key)}:${answer}`;
      }),
    );
    round = nextRound(message, asked.length > 0 ? `{${answers.join(',')}}` : undefined, state);
  }
  throw new AppError('upstream_error', `The server asked for input more than ${MAX_ROUNDS} times`);
}

/** Sends one of the server's questions to the client. @returns the `result` of its answer, JSON text */
async function askClient(call: LegacyCall, question: string): Promise<string> {
  const members = membersOf(question);
  const textOf = (key: string) => {
    const member = members.find((candidate) => candidate.key === key);
    return member && question.slice(member.start, member.end);
  };
  const method = textOf('method');
  if (method === undefined) throw new AppError('upstream_error', 'The server asked for input without a method');
  const name = JSON.parse(method) as string;
  const { text, result, error } = readRpc(await call.ask(name, withElicitationId(name, textOf('params') ?? '{}')));
  if (result) return text.slice(result.start, result.end);
  const said = error ? (JSON.parse(text.slice(error.start, error.end)) as { message?: unknown }).message : '';
  throw new AppError('upstream_error', `The client could not answer "${name}": ${String(said)}`);
}

/** 2025-11-25 wants an id on elicitations by URL, which 2026-07-28 does not have. */
function withElicitationId(method: string, params: string): string {
  if (method !== 'elicitation/create' || !params.includes('"url"')) return params;
  const keys = new Map(membersOf(params).map(({ key, start, end }) => [key, params.slice(start, end)]));
  if (keys.get('mode') !== '"url"' || keys.has('elicitationId')) return params;
  return applyEdits(params, [setMember(params, 0, 'elicitationId', `"${crypto.randomUUID()}"`)]);
}

function nextRound(message: RpcText, responses: string | undefined, state: string | undefined): RpcText {
  const { params } = message;
  if (!params) return message;
  const bare = edited(message, removeMembers(message.text, params.start, ['inputResponses', 'requestState']));
  const fields = [
    ...(responses === undefined ? [] : [`"inputResponses":${responses}`]),
    ...(state === undefined ? [] : [`"requestState":${state}`]),
  ].join(',');
  if (fields === '' || !bare.params) return bare;
  const at = bare.params.start + 1;
  const comma = membersOf(bare.text, bare.params.start).length > 0 ? ',' : '';
  return edited(bare, [{ start: at, end: at, text: fields + comma }]);
}

function pause(ms: number, signal: Cancellation): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(done, ms);
    function done(): void {
      signal.removeEventListener('abort', abort);
      resolve();
    }
    function abort(): void {
      clearTimeout(timer);
      reject(new AppError('cancelled', 'The request was cancelled'));
    }
    signal.addEventListener('abort', abort, { once: true });
  });
}
