/** The same question to several at once; the majority decides. */
export const PARALLEL_VOTE = `document:
  dsl: '1.0.3'
  namespace: templates
  name: parallel-vote
  version: '1.0.0'
  title: Parallel and vote
  summary: Ask several times at once from different points of view and count the votes.
input:
  schema:
    document:
      type: object
      required: [text]
      properties:
        text: { type: string }
timeout:
  after: PT10M
use:
  functions:
    judge:
      call: llm
      with:
        system: '\${ "Judge whether the text is acceptable. Look at \\(.aspect) only." }'
        prompt: '\${ .text }'
        schema:
          type: object
          required: [accept, reason]
          properties:
            accept: { type: boolean }
            reason: { type: string }
do:
  - vote:
      fork:
        branches:
          - safety: { call: judge, with: { aspect: safety, text: '\${ .text }' } }
          - quality: { call: judge, with: { aspect: quality, text: '\${ .text }' } }
          - policy: { call: judge, with: { aspect: the house rules, text: '\${ .text }' } }
  - count:
      set:
        votes: '\${ [.[] | .accept] }'
        accepted: '\${ ([.[] | select(.accept)] | length) >= 2 }'
        reasons: '\${ [.[] | .reason] }'
`;
