/** One call writes, another judges; the loop ends when the judge is content or after some rounds. */
export const EVALUATOR_OPTIMIZER = `document:
  dsl: '1.0.3'
  namespace: templates
  name: evaluator-optimizer
  version: '1.0.0'
  title: Evaluator and optimizer
  summary: Write, judge and improve until the judge is content, three times at most.
input:
  schema:
    document:
      type: object
      required: [brief]
      properties:
        brief: { type: string }
timeout:
  after: PT30M
do:
  - write:
      call: llm
      with:
        prompt: '\${ "\\($workflow.input.brief)\\n\\(if $context.feedback then "Improve on this: \\($context.text)\\nCriticism: \\($context.feedback)" else "" end)" }'
        schema:
          type: object
          required: [text]
          properties:
            text: { type: string }
      export:
        as: '{ text: .text, rounds: (($context.rounds // 0) + 1), feedback: $context.feedback }'
  - judge:
      call: llm
      with:
        system: Judge the text against the brief. Be strict, say what to improve.
        prompt: '\${ "Brief: \\($workflow.input.brief)\\nText: \\($context.text)" }'
        schema:
          type: object
          required: [good, feedback]
          properties:
            good: { type: boolean }
            feedback: { type: string }
      export:
        as: '$context + { feedback: .feedback }'
  - again:
      switch:
        - content:
            when: .good
            then: result
        - tired:
            when: $context.rounds >= 3
            then: result
        - improve:
            then: write
  - result:
      set:
        text: '\${ $context.text }'
        rounds: '\${ $context.rounds }'
        good: '\${ .good }'
`;
