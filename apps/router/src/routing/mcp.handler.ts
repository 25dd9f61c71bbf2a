import { Controller } from '@nestjs/common';
import { Handles, type BusContext } from '@mcp-router/platform';
import { answerMcp, AppError, exchangeMcp, readRpc, type McpReply, type McpRequest } from '@mcp-router/shared';
import { LegacyDoor } from './legacy-door';
import { ModernDoor } from './modern-door';
import { ReplyFrames } from './reply-frames';
import { SseDoor } from './sse-door';

/** The bus side of `/mcp` and `/mcp/{slug}`. */
@Controller()
export class McpHandler {
  constructor(
    private readonly legacy: LegacyDoor,
    private readonly modern: ModernDoor,
    private readonly sse: SseDoor,
  ) {}

  @Handles(exchangeMcp)
  exchange(input: McpRequest, context: BusContext): Promise<McpReply> {
    const frames = new ReplyFrames();
    if (input.era === 'modern') this.modern.serve(input, context, frames);
    else {
      this.serveLegacy(input, context, frames).then(
        (leave) => leave && frames.onGone(context.signal, leave),
        (error: unknown) => frames.fail(error),
      );
    }
    return frames.answer;
  }

  @Handles(answerMcp)
  answer(input: McpRequest, context: BusContext): Promise<McpReply> {
    const beginsNothing = input.era === 'legacy' && input.session !== undefined && input.kind === 'message';
    if (!beginsNothing || readRpc(input.body ?? '').kind === 'request')
      throw new AppError('invalid_message', 'Only what begins nothing is taken here');
    return this.exchange(input, context);
  }

  private async serveLegacy(
    input: McpRequest,
    context: BusContext,
    frames: ReplyFrames,
  ): Promise<(() => void) | undefined> {
    return input.sse === true ? this.sse.serve(input, context, frames) : this.legacy.serve(input, context, frames);
  }
}
