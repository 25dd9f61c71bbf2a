import { isFeatureEnabled, metrics } from '@mcp-router/platform';
import { isObject, type Json } from '../definition/json';

/** @see https://opentelemetry.io/docs/specs/semconv/gen-ai/gen-ai-metrics/ */
const usage = metrics.histogram(
  'gen_ai_client_token_usage',
  'Tokens of questions to models and of their answers, as the models count them',
  ['gen_ai_request_model', 'gen_ai_token_type'],
);
const duration = metrics.histogram(
  'gen_ai_client_operation_duration_seconds',
  'Time from a question to a model to its answer',
  ['gen_ai_request_model', 'error_type'],
);

const TYPES = [
  ['prompt_tokens', 'input'],
  ['completion_tokens', 'output'],
] as const;

/** @param reply of an OpenAI-compatible model; one that does not tell its usage is not counted */
export function countTokens(model: string, reply: Json): void {
  const told = isObject(reply) ? reply['usage'] : undefined;
  if (!isFeatureEnabled('MONITORING') || !isObject(told)) return;
  for (const [field, type] of TYPES) {
    const tokens = told[field];
    if (typeof tokens === 'number' && tokens >= 0) usage.with(model, type).record(tokens);
  }
}

export function measureModel(model: string, milliseconds: number, errorType: string): void {
  if (isFeatureEnabled('MONITORING')) duration.with(model, errorType).record(milliseconds / 1000);
}
