import { escapePointer } from '../surface/text-sites';
import type { SurfaceHit, SurfaceRule } from './rule';

const POWERFUL = /^(?:command|cmd|shell|shell_?command|bash|script|code|eval|expression|sql|raw_?sql|statement|exec)$/i;
const LIMITS = ['enum', 'const', 'pattern', 'maxLength', 'format', 'oneOf', 'anyOf', '$ref'];

/** A parameter that takes anything lets anything through. */
export const overBroadSchema: SurfaceRule = {
  id: 'surface/over-broad-schema',
  family: 'surface',
  target: 'tool',
  title: 'An input schema accepts anything',
  level: 'note',
  confidence: 'medium',
  explanation:
    'A parameter has no type, the tool declares that it takes any further property, or it takes a free command, script or SQL statement without any limit. What the schema does not forbid will be sent one day. Say what the tool needs.',
  cwe: [20, 77],
  owasp: ['MCP05'],
  *check({ inputSchema }): Generator<SurfaceHit> {
    if (typeof inputSchema !== 'object' || inputSchema === null || Array.isArray(inputSchema)) return;
    const schema = inputSchema as Record<string, unknown>;
    if (schema['additionalProperties'] === true)
      yield { pointer: '/inputSchema/additionalProperties', message: 'any further property is accepted' };
    const properties = schema['properties'];
    if (typeof properties !== 'object' || properties === null) return;
    for (const [name, property] of Object.entries(properties as Record<string, unknown>)) {
      const pointer = `/inputSchema/properties/${escapePointer(name)}`;
      if (
        property === true ||
        (typeof property === 'object' &&
          property !== null &&
          Object.keys(property).every((key) => key === 'description' || key === 'title'))
      )
        yield { pointer, message: `the parameter "${name}" accepts any value` };
      else if (POWERFUL.test(name) && isFreeString(property))
        yield { pointer, message: `the parameter "${name}" takes any ${name}`, evidence: name };
    }
  },
  examples: {
    bad: [
      { inputSchema: { type: 'object', properties: {}, additionalProperties: true } },
      { inputSchema: { type: 'object', properties: { data: {} } } },
      { inputSchema: { type: 'object', properties: { command: { type: 'string' } } } },
    ],
    good: [
      {
        inputSchema: {
          type: 'object',
          properties: { command: { type: 'string', enum: ['build', 'test'] } },
          additionalProperties: false,
        },
      },
      {
        inputSchema: {
          type: 'object',
          properties: { options: { type: 'object', additionalProperties: { type: 'string' } } },
        },
      },
    ],
  },
};

function isFreeString(property: unknown): boolean {
  if (typeof property !== 'object' || property === null) return false;
  const schema = property as Record<string, unknown>;
  return schema['type'] === 'string' && !LIMITS.some((limit) => limit in schema);
}
