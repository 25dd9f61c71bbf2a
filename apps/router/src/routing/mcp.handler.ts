import { Controller } from '@nestjs/common';
import { Handles, type BusContext } from '@mcp-router/platform';
import { exchangeMcp, type McpReply, type McpRequest } from '@mcp-router/shared';
import { LegacyDoor } from './legacy-door';
import { ModernDoor } from './modern-door';
import { ReplyFrames } from './reply-frames';

/** The bus side of `/mcp` and `/mcp/{slug}`. */
@Controller()
export class McpHandler {
  constructor(
    private readonly legacy: LegacyDoor,
    private readonly modern: ModernDoor,
  ) {}

  @Handles(exchangeMcp)
  exchange(input: McpRequest, context: BusContext): Promise<McpReply> {
    const frames = new ReplyFrames();
    if (input.era === 'modern') this.modern.serve(input, context, frames);
    else {
      this.legacy.serve(input, context, frames).then(
        (leave) => leave && frames.onGone(context.signal, leave),
        (error: unknown) => frames.fail(error),
      );
    }
    return frames.answer;
  }
}
