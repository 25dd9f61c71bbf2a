/** A model chooses among tools turn by turn; a person approves before anything is written. */
export const AUTONOMOUS_AGENT = `document:
  dsl: '1.0.3'
  namespace: templates
  name: autonomous-agent
  version: '1.0.0'
  title: Autonomous agent
  summary: Let a model work with tools towards a goal, within a number of turns, and have a person approve the result.
input:
  schema:
    document:
      type: object
      required: [goal]
      properties:
        goal: { type: string }
        tools:
          type: array
          items: { type: string }
timeout:
  after: P2D
do:
  - work:
      call: agent
      with:
        system: Work step by step. Use a tool when you need one, stop when the goal is reached.
        prompt: '\${ .goal }'
        # Names of tools, or patterns such as github__*; nothing else can be called.
        tools: '\${ .tools // ["router__*"] }'
        maxTurns: 12
        schema:
          type: object
          required: [result]
          properties:
            result: { type: string }
      timeout:
        after: PT30M
      export:
        as: '{ result: .result }'
  - approve:
      call: approve
      with:
        message: '\${ "Accept this result?\\n\\n\\(.result)" }'
        schema:
          type: object
          required: [accept]
          properties:
            accept: { type: boolean }
            comment: { type: string }
        timeout: P1D
        onTimeout: fail
  - result:
      set:
        result: '\${ $context.result }'
        decision: '\${ . }'
`;
