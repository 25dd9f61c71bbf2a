import { InFlight } from '@mcp-router/platform';
import type { Principal } from '@mcp-router/shared';
import type { ServerHandle } from '../upstreams/upstream';
import type { EventLog } from './event-log';
import { EventStream, type ReplySink } from './event-stream';

/** A call of the session that is being worked on. */
export interface SessionCall {
  readonly stream: EventStream;
  readonly streamName: string | undefined;
  cancel(): void;
}

/** A request that the client has to answer. */
export interface Question {
  /** The id that the asker wrote, JSON text. */
  id: string;
  /** The call that caused it. */
  call: SessionCall | undefined;
  /** Set for questions of a server. */
  server?: ServerHandle;
  /** The server's own progress token, JSON text. */
  progressToken?: string | undefined;
  /** Takes the client's response, which has the asker's id again. */
  answer(response: string): void;
}

/** What the client said in `initialize`; JSON text where it travels on. */
export interface ClientDescription {
  version: string;
  capabilities: string;
  clientInfo: string | undefined;
}

const STANDALONE = 'sse';
/** Messages that wait for a client that has not opened its stream yet. */
const MAX_WAITING = 32;
/** Pages that a client was asked to open and that may be told to be done. */
const MAX_VISITS = 64;
/** Questions that servers may have open with one client. */
const MAX_QUESTIONS = 256;
/** Streams of answers that a client may come back to. */
const MAX_STREAMS = 64;

/** One client of the old era, from `initialize` to DELETE. Lives in the router that made it. */
export class Session {
  /** Calls in flight by the JSON text of their id. */
  readonly calls = new InFlight<string, SessionCall>();
  /** Capabilities that the client declared. */
  declared: ReadonlySet<string>;
  /** Least severity of log messages the client wants; `undefined` until it says so. */
  logLevel: string | undefined;
  /** Epoch milliseconds. */
  readonly openedAt = Date.now();
  lastSeenAt = Date.now();
  private questions: Map<string, Question> | undefined;
  private streams: Map<string, EventStream> | undefined;
  private standalone: EventStream | undefined;
  private waiting: string[] | undefined;
  private nextQuestion = 1;
  private visits: Set<string> | undefined;

  constructor(
    readonly id: string,
    readonly principal: Principal,
    /** Slug of `/mcp/{slug}`, `undefined` for the aggregate. */
    readonly endpoint: string | undefined,
    public client: ClientDescription,
    private readonly log: EventLog,
  ) {
    this.declared = namesIn(client.capabilities);
  }

  /** Takes what the client says of itself after the session was made, as HTTP+SSE does. */
  describe(client: ClientDescription): void {
    this.client = client;
    this.declared = namesIn(client.capabilities);
  }

  /** Whether nothing is going on: such a session may expire. */
  get isIdle(): boolean {
    return this.calls.size === 0 && this.standalone?.isAttached !== true;
  }

  /** The stream of the answer to one POST. */
  openStream(name: string | undefined, sink: ReplySink): EventStream {
    const stream = new EventStream(this.log, `${this.id}:${name ?? ''}`, name ?? '');
    stream.attach(sink);
    return stream;
  }

  /** Keeps a stream that has begun, so that the client can come back to it. */
  keepStream(name: string, stream: EventStream): void {
    this.streams ??= new Map();
    this.streams.set(name, stream);
    for (const oldest of this.streams.keys()) {
      if (this.streams.size <= MAX_STREAMS) break;
      this.streams.delete(oldest);
    }
  }

  /**
   * Carries on the stream that `lastEventId` belongs to, or opens the session's own stream.
   *
   * @returns the stream that `sink` now hangs on; `undefined` when there is nothing left of it
   */
  async listen(sink: ReplySink, lastEventId: string | undefined): Promise<EventStream | undefined> {
    const dot = lastEventId?.lastIndexOf('.') ?? -1;
    const name = lastEventId?.slice(0, dot);
    const number = Number(lastEventId?.slice(dot + 1));
    if (name !== undefined && name !== STANDALONE && dot > 0 && Number.isInteger(number)) {
      const stream = this.streams?.get(name) ?? this.streamOfCall(name);
      sink.send({});
      if (stream) await stream.resume(sink, number);
      else sink.end();
      return stream;
    }
    const stream = (this.standalone ??= new EventStream(this.log, `${this.id}:${STANDALONE}`, STANDALONE));
    const isResumed = name === STANDALONE && Number.isInteger(number);
    // Where nothing has come yet, the client still stands at what it has seen: it may lose this connection too.
    sink.send({ eventId: `${STANDALONE}.${isResumed ? number : stream.length}` });
    if (isResumed) await stream.resume(sink, number);
    else stream.attach(sink);
    const waiting = this.waiting ?? [];
    this.waiting = undefined;
    for (const body of waiting) stream.emit(body);
    return stream;
  }

  /** Whether it is the stream for what no call caused. */
  isOwnStream(stream: EventStream): boolean {
    return stream === this.standalone;
  }

  /** Makes `sink` the session's own stream, without a way to come back to it. */
  attach(sink: ReplySink): EventStream {
    this.standalone ??= new EventStream(this.log, `${this.id}:${STANDALONE}`, STANDALONE);
    this.standalone.attach(sink);
    return this.standalone;
  }

  /** Sends a message that belongs to no call. */
  notify(body: string): void {
    if (this.standalone) this.standalone.emit(body);
    else {
      this.waiting ??= [];
      this.waiting.push(body);
      if (this.waiting.length > MAX_WAITING) this.waiting.shift();
    }
  }

  /** Remembers the `elicitationId` of a page that the client was asked to open. */
  addVisit(elicitationId: string): void {
    this.visits ??= new Set();
    this.visits.add(elicitationId);
    for (const oldest of this.visits) {
      if (this.visits.size <= MAX_VISITS) break;
      this.visits.delete(oldest);
    }
  }

  wasAskedToVisit(elicitationId: string): boolean {
    return this.visits?.has(elicitationId) === true;
  }

  /** Remembers a server's request under an id that is unique in the session. @returns that id, JSON text */
  ask(question: Question): string {
    this.questions ??= new Map();
    const id = `"router-${this.nextQuestion++}"`;
    this.questions.set(id, question);
    return id;
  }

  /** Takes the question that the client answers, so that it is answered once. */
  takeQuestion(id: string): Question | undefined {
    const question = this.questions?.get(id);
    this.questions?.delete(id);
    return question;
  }

  /** Takes the oldest question of a server where there are more than a client will answer. */
  takeSurplus(): Question | undefined {
    if (!this.questions || this.questions.size <= MAX_QUESTIONS) return undefined;
    for (const [id, question] of this.questions) if (question.server) return (this.questions.delete(id), question);
    return undefined;
  }

  question(id: string): Question | undefined {
    return this.questions?.get(id);
  }

  /** Takes back a question that its server does not ask any more. @returns the id that the client knows it by */
  withdraw({ notify }: ServerHandle, serverId: string): string | undefined {
    for (const [id, question] of this.questions ?? []) {
      if (question.id !== serverId || question.server?.notify !== notify) continue;
      this.questions?.delete(id);
      return id;
    }
    return undefined;
  }

  /** Takes the questions of a call that is over; nobody will answer them. */
  takeQuestions(call: SessionCall): Question[] {
    const taken: Question[] = [];
    for (const [id, question] of this.questions ?? []) {
      if (question.call !== call) continue;
      this.questions?.delete(id);
      taken.push(question);
    }
    return taken;
  }

  /** Ends everything that is open. */
  close(): void {
    for (const call of this.calls.values()) call.cancel();
    this.calls.clear();
    const names = [...(this.streams?.keys() ?? []), ...(this.standalone ? [STANDALONE] : [])];
    this.log.drop(names.map((name) => `${this.id}:${name}`));
    this.standalone?.end();
    this.questions = undefined;
    this.streams = undefined;
  }

  /** The stream of a call in flight; a client may lose it before anything has come. */
  private streamOfCall(name: string): EventStream | undefined {
    for (const { stream, streamName } of this.calls.values()) if (streamName === name) return stream;
    return undefined;
  }
}

function namesIn(capabilities: string): Set<string> {
  return new Set(Object.keys(JSON.parse(capabilities) as object));
}
