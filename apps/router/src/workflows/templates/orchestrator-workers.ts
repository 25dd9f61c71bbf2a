/** One call plans the work, others do the parts, a last one puts them together. */
export const ORCHESTRATOR_WORKERS = `document:
  dsl: '1.0.3'
  namespace: templates
  name: orchestrator-workers
  version: '1.0.0'
  title: Orchestrator and workers
  summary: Let a model split a task into parts that cannot be known beforehand, work on each, and join the results.
input:
  schema:
    document:
      type: object
      required: [task]
      properties:
        task: { type: string }
timeout:
  after: PT30M
do:
  - plan:
      call: llm
      with:
        system: Split the task into at most five independent parts.
        prompt: '\${ .task }'
        schema:
          type: object
          required: [parts]
          properties:
            parts:
              type: array
              maxItems: 5
              items: { type: string }
  - work:
      for:
        each: part
        in: .parts
      do:
        # Results are gathered in the context: the data of a turn is what the turn before put out.
        - part:
            call: llm
            with:
              system: '\${ "You work on one part of this task: \\($workflow.input.task)" }'
              prompt: '\${ $part }'
              schema:
                type: object
                required: [result]
                properties:
                  result: { type: string }
            export:
              as: '{ results: (($context.results // []) + [.result]) }'
  - join:
      call: llm
      with:
        system: Join the parts into one answer.
        prompt: '\${ ($context.results // []) | join("\\n\\n") }'
        schema:
          type: object
          required: [answer]
          properties:
            answer: { type: string }
`;
