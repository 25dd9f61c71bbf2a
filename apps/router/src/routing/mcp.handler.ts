import { Injectable, type OnModuleInit } from '@nestjs/common';
import { RedisBusServer, type AnswerSink, type BusContext } from '@mcp-router/platform';
import { answerMcp, AppError, exchangeMcp, readRpc, type McpReply, type McpRequest } from '@mcp-router/shared';
import { LegacyDoor } from './legacy-door';
import { ModernDoor } from './modern-door';
import { ReplyFrames } from './reply-frames';
import { SseDoor } from './sse-door';

/** The bus side of `/mcp` and `/mcp/{slug}`. */
@Injectable()
export class McpHandler implements OnModuleInit {
  constructor(
    private readonly server: RedisBusServer,
    private readonly legacy: LegacyDoor,
    private readonly modern: ModernDoor,
    private readonly sse: SseDoor,
  ) {}

  onModuleInit(): void {
    this.server.respond(exchangeMcp, (...exchange) => this.exchange(...exchange));
    this.server.respond(answerMcp, (input, context, answers) => {
      const beginsNothing = input.era === 'legacy' && input.session !== undefined && input.kind === 'message';
      if (!beginsNothing || readRpc(input.body ?? '').kind === 'request')
        throw new AppError('invalid_message', 'Only what begins nothing is taken here');
      this.exchange(input, context, answers);
    });
  }

  private exchange(input: McpRequest, context: BusContext, answers: AnswerSink<McpReply>): void {
    const frames = new ReplyFrames(answers);
    this.serve(input, context, frames)?.then(
      (leave) => leave && frames.onGone(context.signal, leave),
      (error: unknown) => frames.fail(error),
    );
  }

  /** @returns where it takes a while to begin: what to do when the client is gone before the end */
  private serve(
    input: McpRequest,
    context: BusContext,
    frames: ReplyFrames,
  ): Promise<(() => void) | undefined> | undefined {
    if (input.era === 'legacy') return (input.sse === true ? this.sse : this.legacy).serve(input, context, frames);
    this.modern.serve(input, context, frames);
    return undefined;
  }
}
