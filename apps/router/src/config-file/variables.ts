/** Values by name: the router's environment and what the file's `inputs` define. */
export interface Variables {
  environment: Readonly<Record<string, string | undefined>>;
  inputs: Readonly<Record<string, string | undefined>>;
  /** Of the file; `${workspaceFolder}`. */
  folder: string;
}

/** A variable without a value and without a default. */
export class UnknownVariable extends Error {}

const REFERENCE = /\$\{([^{}]*)\}/g;

/**
 * Replaces `${VAR}`, `${VAR:-default}` (also when VAR is empty, as in a shell), `${env:VAR}`, `${input:id}`,
 * `${workspaceFolder}` and `${userHome}`. A name that none of these rules know is left as it stands.
 *
 * @throws UnknownVariable
 */
export function expand(text: string, variables: Variables): string {
  return text.replace(REFERENCE, (whole, body: string) => {
    const { environment, inputs, folder } = variables;
    if (body === 'workspaceFolder') return folder;
    if (body === 'userHome') return environment['HOME'] ?? environment['USERPROFILE'] ?? '';
    if (body === 'pathSeparator' || body === '/') return '/';
    const input = /^input:(.+)$/.exec(body)?.[1];
    if (input !== undefined) {
      const value = inputs[input];
      if (value === undefined)
        throw new UnknownVariable(`the input "${input}" has no value; set the variable ${inputVariable(input)}`);
      return value;
    }
    const match = /^(?:env:)?([A-Za-z_]\w*)(?::-(.*))?$/s.exec(body);
    if (!match) return whole;
    const [, name = '', fallback] = match;
    const value = environment[name];
    if (value !== undefined && (value !== '' || fallback === undefined)) return value;
    if (fallback === undefined) throw new UnknownVariable(`the variable ${name} is not set`);
    return fallback;
  });
}

/** The variable that answers what an editor would ask for: `${input:api-key}` → `MCPR_INPUT_API_KEY`. */
export function inputVariable(id: string): string {
  return `MCPR_INPUT_${id.toUpperCase().replace(/[^A-Z0-9]/g, '_')}`;
}
