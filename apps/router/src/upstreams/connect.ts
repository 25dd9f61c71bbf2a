import { AppError } from '@mcp-router/shared';
import type { Dispatcher } from 'undici';
import type { LogRing } from '../processes/log-ring';
import type { Reaper } from '../processes/reaper';
import type { Connection, OnStray } from './connection';
import { ConnectionLost } from './connection';
import { negotiateOverPipe, type Introduction } from './handshake';
import { HttpConnection, NotStreamableHttp } from './http.connection';
import { PipeConnection, type Pipe } from './pipe.connection';
import type { ServerSpec } from './server-spec';
import { SsePipe } from './sse.pipe';
import { StdioPipe } from './stdio.pipe';
import { SYSTEM_CALLER } from './system-caller';
import type { EraMemory } from './upstream';
import type { Cancellation } from './cancellation';

export interface ConnectOptions {
  spec: ServerSpec;
  /** What to declare to a legacy server, JSON text. */
  capabilities: string;
  /** How the client introduces itself over a pipe in the old era, where it is not the router. */
  introduction?: Introduction;
  memory: EraMemory;
  /** A server that is spoken to in the old era, since it was slow to answer, speaks the new one. */
  onLateModern: () => void;
  dispatcher: Dispatcher;
  reaper: Reaper;
  logs: LogRing;
  maxMessageBytes: number;
  onStray: OnStray;
  signal: Cancellation;
}

/**
 * Opens a connection and does the handshake. On failure nothing is left of it.
 *
 * @throws AppError `upstream_unavailable` with the reason, `upstream_timeout`, `upstream_error`, `url_refused`
 */
export async function connect(options: ConnectOptions): Promise<Connection> {
  const { spec, signal } = options;
  let opening: Opening | undefined;
  try {
    opening = open(options);
    return await within(opening.connection, spec.connectTimeoutMs, signal);
  } catch (error) {
    await opening?.abandon();
    throw toAppError(error);
  }
}

interface Opening {
  connection: Promise<Connection>;
  abandon(): Promise<void>;
}

function open(options: ConnectOptions): Opening {
  const { spec, dispatcher, maxMessageBytes, reaper, logs } = options;
  const { transport } = spec;
  if (transport.type === 'stdio') {
    const { command, args, env, cwd } = transport;
    const limits = { memoryMb: spec.memoryLimitMb, cpuSeconds: spec.cpuLimitSeconds, cpuCores: spec.cpuLimitCores };
    const start = (): Opening =>
      overPipe(new StdioPipe({ command, args, env, cwd, limits }, reaper, logs, maxMessageBytes), options);
    return options.memory.diesOfProbe ? start() : orWithoutProbe(start, options.memory);
  }
  const { url, headers } = transport;
  const sse = (): Opening => {
    const pipe = new SsePipe({ url, headers, dispatcher, maxMessageBytes });
    return overPipe(pipe, options, pipe.open());
  };
  if (transport.type === 'sse') return sse();

  const http = new HttpConnection({
    url,
    headers,
    dispatcher,
    maxMessageBytes,
    limits: spec,
    onStray: options.onStray,
    onGarbage: garbageNote(logs),
  });
  let fallback: Opening | undefined;
  const connection = http.connect(options.capabilities, options.memory.known).then(
    (): Promise<Connection> => Promise.resolve(http),
    async (error: unknown) => {
      await http.close();
      if (!(error instanceof NotStreamableHttp)) throw error;
      fallback = sse();
      // What the POST said is worth more than that there is no event stream either.
      return fallback.connection.catch(() => Promise.reject(error.cause as Error));
    },
  );
  return {
    connection,
    abandon: async () => {
      await http.close();
      await fallback?.abandon();
    },
  };
}

/**
 * Some servers end when the first message is not `initialize`. One whose process ends during the handshake is started
 * once more and gets nothing else first; if it lives then, that is remembered.
 */
function orWithoutProbe(start: () => Opening, memory: EraMemory): Opening {
  let opening = start();
  let isGivenUp = false;
  const connection = opening.connection.catch(async (error: unknown) => {
    if (isGivenUp || !(error instanceof ConnectionLost)) throw error;
    await opening.abandon();
    memory.diesOfProbe = true;
    opening = start();
    return opening.connection.catch((again: unknown) => {
      memory.diesOfProbe = false;
      throw again;
    });
  });
  return {
    connection,
    abandon: () => {
      isGivenUp = true;
      return opening.abandon();
    },
  };
}

function overPipe(
  pipe: Pipe,
  { spec, capabilities, introduction, memory, onLateModern, onStray, logs }: ConnectOptions,
  opened?: Promise<void>,
): Opening {
  const connection = new PipeConnection(pipe, { limits: spec, onStray, onGarbage: garbageNote(logs) });
  const shakeHands = async (): Promise<Connection> => {
    await opened;
    connection.info = await negotiateOverPipe(
      (message) => connection.exchange({ ...SYSTEM_CALLER, message, timeoutMs: spec.connectTimeoutMs }, true),
      (message) => connection.notify(message),
      { capabilities, memory, onLateModern, ...(introduction && { introduction }) },
    );
    return connection;
  };
  return { connection: shakeHands(), abandon: () => connection.close() };
}

const NOTED_LINES = 20;

/** Notes what is no message, the first lines in full and then only their number. */
function garbageNote(logs: LogRing): (text: string) => void {
  let seen = 0;
  return (text) => {
    seen++;
    if (seen <= NOTED_LINES) logs.note(`not a JSON-RPC message: ${text.slice(0, 200)}`);
    else if (seen % 1000 === 0) logs.note(`${seen} lines that are no JSON-RPC messages so far`);
  };
}

async function within<T>(work: Promise<T>, ms: number, signal: Cancellation): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  let onAbort: (() => void) | undefined;
  const stopped = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new AppError('upstream_timeout', `No connection within ${ms} ms`)), ms);
    onAbort = () => reject(new AppError('upstream_unavailable', 'The connection was given up; call again'));
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([work, stopped]);
  } finally {
    clearTimeout(timer);
    if (onAbort) signal.removeEventListener('abort', onAbort);
    work.catch(() => undefined);
  }
}

function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  if (error instanceof ConnectionLost) return new AppError('upstream_unavailable', error.reason, { cause: error });
  // What Node refuses before it starts a process: a zero byte in an argument, say.
  if (error instanceof TypeError) return new AppError('upstream_unavailable', error.message, { cause: error });
  return new AppError('upstream_error', 'The handshake failed: the answer cannot be read', { cause: error });
}
