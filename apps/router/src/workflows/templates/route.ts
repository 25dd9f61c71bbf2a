/** A first call says what kind of request it is; each kind has a way of its own. */
export const ROUTE = `document:
  dsl: '1.0.3'
  namespace: templates
  name: route
  version: '1.0.0'
  title: Routing
  summary: Classify a request and hand it to the step that is made for its kind.
input:
  schema:
    document:
      type: object
      required: [request]
      properties:
        request: { type: string }
timeout:
  after: PT10M
do:
  - classify:
      call: llm
      with:
        system: Say which kind of request this is.
        prompt: '\${ .request }'
        schema:
          type: object
          required: [kind]
          properties:
            kind: { enum: [question, refund, technical] }
  - route:
      switch:
        - refund:
            when: .kind == "refund"
            then: refund
        - technical:
            when: .kind == "technical"
            then: technical
        - question:
            then: answer
  - refund:
      call: llm
      with:
        system: You handle refunds. Be brief, name the next step.
        prompt: '\${ $workflow.input.request }'
      then: end
  - technical:
      call: llm
      with:
        system: You solve technical problems, one step at a time.
        prompt: '\${ $workflow.input.request }'
      then: end
  - answer:
      call: llm
      with:
        system: You answer questions.
        prompt: '\${ $workflow.input.request }'
      then: end
`;
