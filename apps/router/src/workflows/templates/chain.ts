/** Steps one after the other, each working on what the one before made, with a check between them. */
export const CHAIN = `document:
  dsl: '1.0.3'
  namespace: templates
  name: chain
  version: '1.0.0'
  title: Prompt chain
  summary: Split a task into fixed steps; a gate between them stops early when a step went wrong.
input:
  schema:
    document:
      type: object
      required: [topic]
      properties:
        topic: { type: string }
        language: { type: string }
timeout:
  after: PT10M
do:
  - outline:
      call: llm
      with:
        prompt: '\${ "Write an outline of at most five points about: \\(.topic)" }'
        schema:
          type: object
          required: [points]
          properties:
            points: { type: array, items: { type: string } }
      export:
        as: '{ points: .points }'
  # The gate: an outline without points is not worth writing out.
  - gate:
      switch:
        - usable:
            when: .points | length > 0
            then: draft
        - empty:
            then: giveUp
  - draft:
      call: llm
      with:
        prompt: '\${ "Write a text from this outline:\\n\\($context.points | join("\\n"))" }'
        schema:
          type: object
          required: [text]
          properties:
            text: { type: string }
  - translate:
      call: llm
      with:
        prompt: '\${ "Translate into \\($workflow.input.language // "English"):\\n\\(.text)" }'
        schema:
          type: object
          required: [text]
          properties:
            text: { type: string }
      then: end
  - giveUp:
      raise:
        error:
          type: https://serverlessworkflow.io/spec/1.0.0/errors/validation
          status: 400
          title: The outline is empty
`;
